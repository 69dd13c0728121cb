"""Members and their accounts: look-up, linking, profiles, history.

The bots call these functions; other rooms of `db` use `accounts` to resolve an account.
"""
