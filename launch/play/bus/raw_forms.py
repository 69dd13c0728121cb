"""The raw form of a step: what the page read, and the command that shows the same in a terminal."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from redis.exceptions import RedisError
from yarl import URL

from bus import SOURCES, BusError, Source
from bus.errors import translated
from config.outside_text import visible
from db import DbError
from launch.operator_hints import format_reply
from launch.play.panels import DeedRefused, Json

from .calls import Calls
from .record import Record
from .streams import Streams

__all__ = ["RawForms"]

#: Characters of an answer that the page gets.
ANSWER_CHARACTERS_MAX = 40_000
ENTRY_ID = re.compile(r"[0-9]{1,20}-[0-9]{1,20}", re.ASCII)
#: The queries of each kind. They name numbers only, so no key or name is ever part of a command.
QUERIES = {
    "event": "SELECT * FROM twinstream.sync_events WHERE id = {event}",
    "ledger": (
        "SELECT t.* FROM twinstream.transactions AS t JOIN twinstream.sync_events AS e"
        " USING (idempotency_key) WHERE e.id = {event} ORDER BY t.id"
    ),
    "books": "SELECT * FROM twinstream.sync_state WHERE member_id = {member}",
    "surfaces": "SELECT * FROM twinstream.surfaces WHERE member_id = {member}",
}
ID_MAX = 2**63 - 1


class RawForms:
    """Answers the deed `raw`: `{kind, ...}` gives `{asked, answer, command}`."""

    def __init__(self, streams: Streams, record: Record, calls: Calls, control_url: str) -> None:
        self._streams = streams
        self._record = record
        self._calls = calls
        self._control_url = control_url
        self._kinds: Mapping[str, Callable[[Json], Awaitable[Json]]] = {
            "entry": self._entry,
            "group": self._group,
            "call": self._call,
            **dict.fromkeys(QUERIES, self._query),
        }

    async def show(self, asked: Json) -> Json:
        """Return the raw form of what is asked for."""
        show = self._kinds.get(str(asked.get("kind")))
        if show is None:
            raise DeedRefused("there is no such raw form")
        try:
            return await show(asked)
        except (BusError, RedisError) as error:
            raise DeedRefused(f"Redis: {error}") from error
        except DbError as error:
            raise DeedRefused(f"Postgres: {error}") from error
        except TimeoutError as error:
            raise DeedRefused("Postgres does not answer") from error

    async def _entry(self, asked: Json) -> Json:
        entry_id = str(asked.get("id"))
        if ENTRY_ID.fullmatch(entry_id) is None:
            raise DeedRefused("this is no entry's id")
        return await self._redis(f"XRANGE {self._stream(asked)} {entry_id} {entry_id}")

    async def _group(self, asked: Json) -> Json:
        return await self._redis(f"XINFO GROUPS {self._stream(asked)}")

    async def _redis(self, command: str) -> Json:
        with translated():
            reply = await self._streams.redis.execute_command(*command.split())
        return _form(command, format_reply(reply), f'make redis ARGS="{command}"')

    async def _query(self, asked: Json) -> Json:
        numbers = {name: _number(asked.get(name, 0)) for name in ("event", "member")}
        query = QUERIES[asked["kind"]].format(**numbers)
        rows = await self._record.rows(query)
        answer = "\n\n".join(_told_row(row) for row in rows)
        return _form(query, answer, f'make psql ARGS="{query}"')

    async def _call(self, asked: Json) -> Json:
        number = _number(asked.get("number"))
        call = self._calls.find(number)
        if call is None:
            raise DeedRefused("the page no longer remembers this call")
        url = URL(f"{self._control_url}/transcript").with_query(
            platform=call.platform, name=call.name, after=number - 1
        )
        return _form(f"{call.platform}: {call.name}", call.raw, f"curl -s '{url}'")

    def _stream(self, asked: Json) -> str:
        source: Source | None = next((one for one in SOURCES if one == asked.get("source")), None)
        if source is None:
            raise DeedRefused("there is no such stream")
        return self._streams.keys.stream(source)


def _form(asked: str, answer: str, command: str) -> Json:
    shown = visible(answer[:ANSWER_CHARACTERS_MAX], lines=True)
    return {"asked": asked, "answer": shown, "command": command}


def _told_row(row: Mapping[str, Any]) -> str:
    width = max(map(len, row))
    return "\n".join(
        f"{name.ljust(width)}  {'' if value is None else visible(str(value))}"
        for name, value in row.items()
    )


def _number(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= ID_MAX:
        raise DeedRefused("this is no number of a row")
    return value
