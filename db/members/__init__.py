"""Members and their accounts: look-up, linking, profiles, history.

The bots call these functions; the ledger uses `accounts` to find the member behind an account.
"""
