"""The types of channels, by number."""

__all__ = [
    "CATEGORY",
    "DIRECT",
    "EVERY_CHANNEL",
    "FORUM",
    "NEWS",
    "NEWS_THREAD",
    "PRIVATE_THREAD",
    "PUBLIC_THREAD",
    "STAGE",
    "TEXT",
    "THREADS",
    "VOCAL",
    "VOICE",
]

TEXT, DIRECT, VOICE, CATEGORY, NEWS = 0, 1, 2, 4, 5
NEWS_THREAD, PUBLIC_THREAD, PRIVATE_THREAD, STAGE, FORUM = 10, 11, 12, 13, 15
THREADS = frozenset({NEWS_THREAD, PUBLIC_THREAD, PRIVATE_THREAD})
#: Members can be connected to these.
VOCAL = frozenset({VOICE, STAGE})
#: Every type that Discord knows, those that the sandbox does not imitate among them.
EVERY_CHANNEL = frozenset({0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 16})
