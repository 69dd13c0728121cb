"""The board: what the panels of the page show, and what of it has changed."""

import asyncio
import contextlib
import secrets
from collections import OrderedDict
from typing import Any

import msgspec

__all__ = ["Board"]

#: Removed keys that are remembered. A reader that missed more of them gets the whole state anew.
REMOVED_KEPT = 2_000


class Board:
    """Objects by key, such as "bus/sources/redis", for any number of open pages.

    It is read as the sandbox's own stream is: `state` with all objects, then `change` with those
    that were set and the keys that were removed. The board keeps no list of changes, only the
    version at which each key changed last. So a reader that was slow gets one change with the
    newest of everything, and none of them holds up a panel. Belongs to one event loop.
    """

    def __init__(self) -> None:
        self._boot = secrets.token_hex(4)
        self._version = 0
        # Folders of objects, each in the order in which they came, and how many each may hold.
        self._folders: dict[str, dict[str, bytes]] = {}
        self._limits: dict[str, int] = {}
        # The version of each change by key, the latest change last, removed keys included.
        self._versions: OrderedDict[str, int] = OrderedDict()
        self._removed: OrderedDict[str, None] = OrderedDict()
        # Changes up to this version are no longer known in full.
        self._horizon = 0
        self._news = asyncio.Event()

    def limit(self, folder: str, count: int) -> None:
        """Let a folder hold `count` objects: one more, and the one that came first leaves."""
        self._limits[folder] = count

    def set(self, key: str, value: Any) -> None:
        """Show a value of JSON under a key. The same value again is no change."""
        folder, name = _split(key)
        objects = self._folders.setdefault(folder, {})
        encoded = msgspec.json.encode(value)
        if objects.get(name) == encoded:
            return
        objects[name] = encoded
        self._removed.pop(key, None)
        self._note(key)
        if len(objects) > self._limits.get(folder, len(objects)):
            self.remove(f"{folder}/{next(iter(objects))}")

    def remove(self, key: str) -> None:
        """Show an object no longer. A key that is not there is no mistake."""
        folder, name = _split(key)
        if self._folders.get(folder, {}).pop(name, None) is None:
            return
        self._removed[key] = None
        self._note(key)
        if len(self._removed) > REMOVED_KEPT:
            oldest, _ = self._removed.popitem(last=False)
            self._horizon = self._versions.pop(oldest)

    def clear(self, folder: str) -> None:
        """Remove all objects of a folder."""
        for name in list(self._folders.get(folder, ())):
            self.remove(f"{folder}/{name}")

    def position(self, event_id: str) -> int | None:
        """Return the version that an event had, or None if a reader cannot go on there."""
        boot, _, version = event_id.partition(".")
        if boot != self._boot or not (version.isascii() and version.isdecimal()):
            return None
        return int(version) if self._horizon <= int(version) <= self._version else None

    def after(self, version: int | None) -> tuple[int, bytes]:
        """Return the newest version, and the event that leads there from `version`.

        It is the change in between, or the state for a reader that begins or missed too much. It
        is empty for a reader that has everything.
        """
        if version is None or version < self._horizon:
            pairs = [
                _pair(f"{folder}/{name}", value)
                for folder, objects in self._folders.items()
                for name, value in objects.items()
            ]
            return self._version, self._event(b"state", b'{"set":{' + b",".join(pairs) + b"}}")
        if version == self._version:
            return version, b""
        pairs, removed = [], []
        for key in self._changed_since(version):
            folder, name = _split(key)
            value = self._folders.get(folder, {}).get(name)
            if value is None:
                removed.append(key)
            else:
                pairs.append(_pair(key, value))
        gone = msgspec.json.encode(removed)
        body = b'{"set":{' + b",".join(pairs) + b'},"removed":' + gone + b"}"
        return self._version, self._event(b"change", body)

    async def wait(self, version: int, seconds: float) -> bool:
        """Wait until there is more than `version`; False if there is nothing in this time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._version == version:
                    await self._news.wait()
        return self._version != version

    def _changed_since(self, version: int) -> list[str]:
        """Return the keys that have changed, in the order in which they did."""
        found = []
        for key in reversed(self._versions):
            if self._versions[key] <= version:
                break
            found.append(key)
        return found[::-1]

    def _note(self, key: str) -> None:
        self._version += 1
        self._versions[key] = self._version
        self._versions.move_to_end(key)
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _event(self, kind: bytes, body: bytes) -> bytes:
        head = f"id: {self._boot}.{self._version}\nevent: ".encode()
        return head + kind + b"\ndata: " + body + b"\n\n"


def _split(key: str) -> tuple[str, str]:
    folder, _, name = key.rpartition("/")
    return folder, name


def _pair(key: str, value: bytes) -> bytes:
    return msgspec.json.encode(key) + b":" + value
