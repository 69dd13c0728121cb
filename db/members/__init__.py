"""Members and their accounts: look-up, profiles, history, notices, privacy and forgetting.

The bots call these functions; the ledger uses `accounts` to find the member behind an account.
"""
