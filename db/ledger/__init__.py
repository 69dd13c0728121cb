"""The ledger: events, ledger entries, the outbox, dead letters, and the rank of an amount of XP.

The producer and the consumers call `events`, `outbox`, `dead_letters` and `delivery_attempts`; only
`entries` inserts into `transactions`.
"""
