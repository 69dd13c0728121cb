"""A bot's own table of members: the port, the table by its names, and what is owed to it.

The consumers open stores with `opening`; the ledger applies changes through `debts`.
"""
