"""Stores: a bot's own table of members, behind a port; and the debts for rows that are not there.

Processes open stores with `opening`. The ledger applies changes through `store_debts`. Reconcile
and the audit read rows through `row_reading`, and reconcile corrects them through `row_refusals`.
"""
