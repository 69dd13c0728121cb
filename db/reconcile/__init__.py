"""The record of reconcile passes: passes, pages, sweeps, drift, and the corrections of the books.

Only the reconcile role and its command use this room.
"""
