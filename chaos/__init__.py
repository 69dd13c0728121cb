"""Chaos: real processes under load, every kind of failure, and an audit of every event.

`python -m chaos` starts a Postgres, a Redis, two bots and the consumers, and injects faults in an
order that a seed decides. Then it waits until nothing is unfinished, and audits. A run passes only
if no event was lost and none was applied twice.
"""
