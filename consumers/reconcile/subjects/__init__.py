"""What a pass compares: one module per subject, behind the protocol in `reconcile.port`.

The package `reconcile` opens them; nothing else is used from outside.
"""
