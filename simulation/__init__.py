"""All of twinstream in one process and in virtual time, under faults that a seed chooses.

The real producer, consumers, relay and rebuild run their real SQL statements on a real Postgres.
Redis is a model, the clock is virtual, and every call can fail. The same seed gives the same run,
so a failure can be replayed.

    make simulate SEEDS=1000     run a thousand seeds
    make simulate SEED=17        replay one, with every step

It is a tool: it may import every package, and only its tests import it.
"""
