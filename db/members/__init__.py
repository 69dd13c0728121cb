"""Members and their accounts: look-up, profiles, history, notices.

The bots call these functions; the ledger uses `accounts` to find the member behind an account.
"""
