"""The avatars that a bot read last, so that a member who shows a card again costs no download."""

from collections import OrderedDict
from typing import Final

#: Seconds that an avatar may take. A member who waits longer sees an initial in its place.
AVATAR_S_MAX: Final = 2.0
#: Bytes of one avatar; those of both platforms have some 20,000.
BYTES_MAX: Final = 2 * 2**20
#: Bytes of all that are remembered.
REMEMBERED_BYTES_MAX: Final = 4 * 2**20


class AvatarMemory:
    """Avatars by a name that changes with the picture. Beyond the bound the oldest is forgotten."""

    def __init__(self, bytes_max: int = REMEMBERED_BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._known: OrderedDict[str, bytes] = OrderedDict()

    def get(self, name: str) -> bytes | None:
        """Return an avatar; None if it is not remembered."""
        if name in self._known:
            self._known.move_to_end(name)
        return self._known.get(name)

    def put(self, name: str, content: bytes) -> bytes:
        """Remember an avatar, and return it."""
        self._bytes += len(content) - len(self._known.pop(name, b""))
        self._known[name] = content
        while self._bytes > self._bytes_max:
            _, oldest = self._known.popitem(last=False)
            self._bytes -= len(oldest)
        return content
