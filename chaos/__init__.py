"""Chaos: real processes under load, every kind of failure, and an audit of what became of it.

`python -m chaos` starts a Postgres, a Redis, two bots and the consumers, lets faults loose on them
in an order that a seed decides, then waits for quiet and counts. Nothing lost and nothing doubled
is the only pass.
"""
