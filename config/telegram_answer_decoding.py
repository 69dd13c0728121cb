"""Decoding Telegram's answers although Telegram is always newer (or older) than aiogram.

aiogram decodes an answer as a whole or not at all: one new member status, or one field that an
older server does not send, makes the whole answer useless. This session keeps the parts that can be
read. Of a batch of updates it keeps the readable ones, and puts an `UnreadableUpdate` in the place
of each other one, so that the offset moves past it.
"""

import json
import re
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import structlog
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.exceptions import ClientDecodeError
from aiogram.methods import GetMe, GetUpdates, Response, TelegramMethod
from aiogram.methods.base import TelegramType
from aiogram.types import TelegramObject, Update, User
from aiogram.types.update import UpdateTypeLookupError
from pydantic import Field, TypeAdapter, ValidationError

log = structlog.get_logger("twinstream.telegram")

#: Characters of an update's kind, and of the place of an error, that a log line shows.
KIND_CHARS_MAX = 64
PLACE_CHARS_MAX = 120
#: Texts that are kept of an update that cannot be decoded: a message has a few, a poll dozens.
TEXTS_MAX = 1_000
#: Different warnings about partly read answers that one session logs, so that memory stays bounded.
WARNINGS_MAX = 100
#: The largest id that Postgres takes (bigint); Telegram's are smaller.
ID_MAX = 2**63 - 1
#: An object without these fields identifies nothing, so it counts as lost.
NEEDED = frozenset({"id", "user", "chat", "message_id"})
SUCCESSES = range(200, 227)

# The tokens of JSON that decide the depth: strings, brackets and commas.
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[][{},]', re.DOTALL)
_HEAD = re.compile(r'\s*\{\s*"update_id"\s*:\s*(\d{1,19})\s*(?:,\s*"(\w+)")?')


class UnreadableAnswer(ClientDecodeError):
    """An answer of Telegram cannot be read. The error quotes nothing that members wrote.

    With `was_done`, Telegram confirmed that it executed the request, so a retry would execute it
    twice.
    """

    def __init__(self, method: str, why: str, original: Exception, *, was_done: bool) -> None:
        super().__init__(f"Telegram's answer to {method} cannot be read: {why}", original, None)
        self.was_done = was_done

    def __str__(self) -> str:
        return self.message


class UnreadableUpdate(Update):
    """Takes the place of an update in a batch that aiogram cannot decode.

    With `id_is_guessed`, no id of the batch was readable, neither this one's nor another's.
    """

    kind: str | None
    why: str
    id_is_guessed: bool
    chat_id: int | None = None
    """The chat that the update is about, if that much can be read."""
    texts: tuple[str, ...] = Field(default=(), repr=False)
    """Every text in the update. Members wrote some of them, so they are not logged."""


class Lost(Exception):
    """A part of an answer cannot be read, and the object that needs it cannot either."""


class TolerantSession(AiohttpSession):
    """aiogram's session, which keeps the readable parts of every answer."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._warned: set[tuple[str, str]] = set()

    async def close(self) -> None:
        """Close the connections.

        aiogram waits a quarter of a second afterwards, for connections with TLS to end. aiohttp
        waits for them itself since 3.12, and for no longer than it takes.
        """
        if self._session is not None and not self._session.closed:
            await self._session.close()

    def check_response(
        self, bot: Bot, method: TelegramMethod[TelegramType], status_code: int, content: str
    ) -> Response[TelegramType]:
        """Decode an answer as aiogram does, or else in part.

        Raises:
            UnreadableAnswer: the needed parts cannot be read.
        """
        try:
            response = super().check_response(bot, method, status_code, content)
        except ClientDecodeError as error:
            if isinstance(method, GetUpdates) and (raw := _raw_updates(error.data)) is not None:
                return _made(self._updates(bot, method, raw, error))
            return self._in_part(bot, method, status_code, error)
        except RecursionError as error:
            if isinstance(method, GetUpdates) and (raw := _raw_updates(content)) is not None:
                return _made(self._updates(bot, method, raw, error))
            raise _unreadable(method, error, was_done=status_code in SUCCESSES) from None
        if response.result is None:
            nothing = ClientDecodeError("no result", ValueError(), {"ok": True})
            return self._in_part(bot, method, status_code, nothing)
        if isinstance(method, GetUpdates):
            for update in response.result:
                if not _is_of_known_kind(update):
                    raw = _raw_updates(content) or []
                    return _made(self._updates(bot, method, raw, UpdateTypeLookupError()))
        return response

    def _updates(
        self, bot: Bot, method: GetUpdates, raw: Sequence[Any], error: Exception
    ) -> list[Update]:
        ids = inferred_ids([_id_of(one) for one in raw], method.offset)
        if ids is None:
            raise _unreadable(method, error, was_done=False) from None
        guessed = all(_id_of(one) is None for one in raw)
        return [
            _update(bot, one, update_id, id_is_guessed=guessed)
            for one, update_id in zip(raw, ids, strict=True)
        ]

    def _in_part(
        self,
        bot: Bot,
        method: TelegramMethod[TelegramType],
        status_code: int,
        error: ClientDecodeError,
    ) -> Response[TelegramType]:
        answer = error.data
        if not isinstance(answer, dict):
            raise _unreadable(method, error.original, was_done=False) from None
        if answer.get("ok") is not True or status_code not in SUCCESSES:
            # A refusal. aiogram understands it without the details that it cannot read.
            return super().check_response(bot, method, status_code, json.dumps(_plain_no(answer)))
        why = _why(error.original)
        try:
            result = read_in_part(method.__returning__, answer.get("result"), bot)
        except Lost:
            if not isinstance(method, GetMe):
                raise _unreadable(method, error.original, was_done=True) from None
            # The bot's id, without which nothing works, is in the token as well.
            result = User.model_construct(id=bot.id, is_bot=True, first_name="").as_(bot)
        self._warn(method.__api_method__, why)
        return _made(result)

    def _warn(self, method: str, why: str) -> None:
        if (method, why) not in self._warned and len(self._warned) < WARNINGS_MAX:
            self._warned.add((method, why))
            log.warning("answer.read_in_part", method=method, why=why)


def read_in_part(kind: Any, value: Any, bot: Bot) -> Any:
    """Read a JSON value as one of aiogram's types, with None for parts that cannot be read.

    Raises:
        Lost: no object can be made of it.
    """
    try:
        return TypeAdapter(kind).validate_python(value, context={"bot": bot})
    except (ValidationError, RecursionError):
        pass
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        return _one_of(get_args(kind), value, bot)
    if origin is list and isinstance(value, list):
        return list(_readable(get_args(kind)[0], value, bot))
    if isinstance(kind, type) and issubclass(kind, TelegramObject) and isinstance(value, dict):
        return _object(kind, value, bot)
    if kind is bool:
        return True  # Telegram executed the request, even if it says more than True
    raise Lost


def inferred_ids(ids: Sequence[int | None], offset: int | None) -> list[int] | None:
    """Fill in the ids of updates without a readable one; None if no id can be inferred. Pure.

    Ids grow from one update to the next. Each inferred id is below the id of every readable update
    behind it, and the last one is at most the true id, so it confirms no readable update.
    """
    known = next((place for place, one in enumerate(ids) if one is not None), None)
    if known is not None:
        first = ids[known]
        assert first is not None
        last = first - known - 1
    elif offset:
        last = offset - 1
    else:
        return None
    filled = []
    for one in ids:
        last = last + 1 if one is None else one
        filled.append(last)
    return filled


def elements(content: str) -> list[str] | None:
    """Cut the list `result` of a JSON object into the texts of its elements. Pure.

    It does not recurse, so no nesting is too deep for it. None if there is no such list.
    """
    depth, key, begin, found = 0, "", None, list[str]()
    for token in _TOKEN.finditer(content):
        text = token.group()
        if begin is None:
            if text == "[" and depth == 1 and key == '"result"':
                begin = token.end()
            elif depth == 1 and text.startswith('"'):
                key = text
        elif depth == 2 and text in ",]":
            found.append(content[begin : token.start()])
            begin = token.end()
            if text == "]":
                return [] if found == [""] or not "".join(found).strip() else found
        if text in "[{":
            depth += 1
        elif text in "]}":
            depth -= 1
    return None


def _made(result: Any) -> Response[Any]:
    return Response[Any].model_construct(ok=True, result=result)


def _unreadable(method: TelegramMethod[Any], error: Exception, *, was_done: bool) -> Exception:
    original = error.original if isinstance(error, ClientDecodeError) else error
    return UnreadableAnswer(method.__api_method__, _why(original), original, was_done=was_done)


def _raw_updates(answer: Any) -> list[Any] | None:
    """Return the updates of an answer that may be too deep to be decoded as a whole."""
    if isinstance(answer, dict):
        result = answer.get("result")
        return result if answer.get("ok") is True and isinstance(result, list) else None
    if not isinstance(answer, str):
        return None
    texts = elements(answer)
    return None if texts is None else [_decoded(text) for text in texts]


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        head = _HEAD.match(text)
        if head is None:
            return None
        kind = head.group(2)
        return {"update_id": int(head.group(1))} | ({kind: None} if kind else {})


def _id_of(raw: Any) -> int | None:
    found = raw.get("update_id") if isinstance(raw, dict) else None
    is_id = isinstance(found, int) and not isinstance(found, bool) and 0 <= found <= ID_MAX
    return found if is_id else None


def _update(bot: Bot, raw: Any, update_id: int, *, id_is_guessed: bool) -> Update:
    why = "aiogram knows nothing of this kind"
    try:
        update = Update.model_validate(raw, context={"bot": bot})
        if _id_of(raw) is not None and _is_of_known_kind(update):
            return update
    except (ValidationError, RecursionError) as error:
        why = _why(error)
    named = raw if isinstance(raw, dict) else {}
    kind = next((key[:KIND_CHARS_MAX] for key in named if key != "update_id"), None)
    content = next((value for key, value in named.items() if key != "update_id"), None)
    placeholder = {
        "update_id": update_id,
        "kind": kind,
        "why": why,
        "id_is_guessed": id_is_guessed,
        "chat_id": _chat_of(content),
        "texts": tuple(islice(texts_in(content), TEXTS_MAX)),
    }
    # The fields that it inherits name types that this module does not know.
    UnreadableUpdate.model_rebuild(_types_namespace=vars(sys.modules[Update.__module__]))
    return UnreadableUpdate.model_validate(placeholder, context={"bot": bot})


def _chat_of(content: Any) -> int | None:
    chat = content.get("chat") if isinstance(content, dict) else None
    found = chat.get("id") if isinstance(chat, dict) else None
    return found if isinstance(found, int) and abs(found) <= ID_MAX else None


def texts_in(value: Any) -> Iterator[str]:
    """Yield every text in a JSON value. Pure. It does not recurse, so no nesting is too deep."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            waiting.extend(one.values())
        elif isinstance(one, list | tuple):
            waiting.extend(one)


def _is_of_known_kind(update: Update) -> bool:
    try:
        return bool(update.event_type)
    except UpdateTypeLookupError:
        return False


def _one_of(kinds: Sequence[Any], value: Any, bot: Bot) -> Any:
    for kind in kinds:
        # A union with bool belongs to a method that answers a message or True.
        if kind not in (bool, type(None)):
            try:
                return read_in_part(kind, value, bot)
            except Lost:
                continue
    raise Lost


def _readable(kind: Any, values: list[Any], bot: Bot) -> Iterator[Any]:
    for value in values:
        try:
            yield read_in_part(kind, value, bot)
        except Lost:
            continue


def _object(kind: type[TelegramObject], value: dict[str, Any], bot: Bot) -> TelegramObject:
    """Make an object of the readable fields; required fields that are not readable are None."""
    kind.model_rebuild()  # until its first use a model does not know the types of its fields
    read: dict[str, Any] = {}
    for name, field in kind.model_fields.items():
        given = value.get(field.alias or name)
        # A literal tells which type of a union the object has.
        is_literal = get_origin(field.annotation) is Literal
        is_needed = is_literal or (name in NEEDED and field.is_required())
        if given is None and is_needed:
            raise Lost
        if given is None:
            if field.is_required():
                read[name] = None
            continue
        try:
            read[name] = read_in_part(field.annotation, given, bot)
        except Lost:
            if is_needed:
                raise
            read[name] = None
    return kind.model_construct(**read).as_(bot)


def _plain_no(answer: dict[str, Any]) -> dict[str, Any]:
    description, parameters = answer.get("description"), answer.get("parameters")
    plain: dict[str, Any] = {
        "ok": False,
        "description": description
        if isinstance(description, str)
        else "no reason that can be read",
    }
    if isinstance(parameters, dict):
        plain["parameters"] = {
            name: parameters[name]
            for name in ("retry_after", "migrate_to_chat_id")
            if isinstance(parameters.get(name), int)
        }
    return plain


def _why(error: Exception) -> str:
    """Say what is wrong without quoting anything that members wrote."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if not isinstance(error, ValidationError):
        return "it holds no JSON, or no result"
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"]))
    if len(place) > PLACE_CHARS_MAX:
        place = f"{place[:PLACE_CHARS_MAX]}..."
    return f"{place or 'it'}: {first['type']}"
