"""The whole of twinstream in one process, in virtual time, under faults that a seed chooses.

The real producer, consumers, relay and rebuild run here, and so do their real SQL statements, on a
real Postgres. Redis is a model, the clock jumps, and every call may fail in the ways in which calls
fail. The same seed makes the same run, so what went wrong once can be looked at again.

    make simulate SEEDS=1000     run a thousand seeds
    make simulate SEED=17        replay one, with every step

It is a tool: it may import everything, and nothing but its tests imports it.
"""
