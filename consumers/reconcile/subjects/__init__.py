"""The subjects of a pass, one module each, behind the port `consumers.reconcile.port`.

Only the room `reconcile` opens them; no other room imports them.
"""
