"""How long to wait between attempts."""


def backoff_s(attempt: int, *, first_s: float, max_s: float, chance: float) -> float:
    """Return the delay in seconds after failure number `attempt` (from 1). Pure.

    It doubles with each failure, up to `max_s`. `chance` (0 to 1) takes up to a half off, so that
    processes that failed together do not retry together.
    """
    whole = min(max_s, first_s * 2.0 ** min(attempt - 1, 32))
    return whole * (1 - chance / 2)
