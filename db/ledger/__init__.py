"""The ledger: events, ledger entries, dead letters and the rank of an amount of XP.

The consumers and the producer call `events`, `entries` and `dead_letters`; only `entries` inserts
into `transactions`.
"""
