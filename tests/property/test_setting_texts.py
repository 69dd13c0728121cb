"""Settings that nobody foresaw: twinstream.toml and addresses either work or are refused clearly.

An editor, a shell or a clipboard may have damaged them: the process says one sentence, without a
traceback of a library and without a password. `make nightly` tries a hundred times as many.
"""

import asyncio
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from bus import BadRedisUrl, BusUnavailable, connect, ping
from config import Community, ConfigError, Settings
from db import BadDatabaseUrl, StorageUnavailable, open_pool

PASSWORD = "hunter2-secret"
GOOD = (Path(__file__).parents[2] / "twinstream.example.toml").read_text(encoding="utf-8")
POSTGRES = f"postgresql://me:{PASSWORD}@127.0.0.1:1/name?sslmode=disable"
REDIS = (
    f"redis://me:{PASSWORD}@127.0.0.1:1/0",
    f"rediss://:{PASSWORD}@127.0.0.1:1/0?ssl_cert_reqs=none",
    f"unix:///tmp/valkey.sock?db=0&password={PASSWORD}",
    f"redis+sentinel://:{PASSWORD}@127.0.0.1:1,127.0.0.1:2/main/0?sentinel_password={PASSWORD}",
    f"redis+cluster://me:{PASSWORD}@127.0.0.1:1,127.0.0.1:2",
)
REDIS_MODULES = ("redis.asyncio", "redis.exceptions")
#: Pieces that have a meaning in one of the forms.
PIECES = st.sampled_from(
    ["", " ", "\n", "\r", "\t", "\0", "#", '"', "'", "“", "”", "=", "[", "]", "[[", "]]", "{", "}",
     ",", ".", "-", "+", "/", "//", "\\", "\\u0000", "@", ":", "?", "&", "%", "%zz", "%00",
     "\ufeff", "\ud800",
     "\u202e", "0", "-1", "1e400", "nan", "inf", "9" * 30, "true", "1979-05-27", '"""',
     "[ranks]", "[[ranks]]", "ranks = 3", "x" * 300, "::1", "[::1]", "пароль"]
)  # fmt: skip
#: Hypothesis tries strings of this file too, and a socket or a host may be called by any of them.
NONSENSE = st.text(max_size=40).filter(lambda text: PASSWORD not in text)


@st.composite
def damaged(draw: st.DrawFn, good: str, *, edits_max: int) -> str:
    """A good text with a few places replaced, as a slip of the hand would."""
    text = good
    for _ in range(draw(st.integers(1, edits_max))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        text = text[:start] + draw(PIECES | st.characters()) + text[end:]
    return text


def refusal(work: Callable[[], object], *errors: type[Exception]) -> str | None:
    """Return the sentence with which a setting is refused; None if it is taken."""
    try:
        work()
    except errors as error:
        return str(error)
    return None


def is_clear(text: str) -> bool:
    """Tell whether a refusal is a sentence without a password or a library's insides."""
    insides = (PASSWORD, "Traceback", " object at 0x", "msgspec", "asyncpg", *REDIS_MODULES)
    return bool(text.strip()) and not any(one in text for one in insides)


@pytest.fixture(scope="module")
def file() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "twinstream.toml"


@given(content=st.binary(max_size=200) | damaged(GOOD, edits_max=4).map(
    lambda text: text.encode("utf-8", "surrogatepass")
))  # fmt: skip
@example(content=b"a = " + b"[" * 9_999)
@example(content=GOOD.encode("utf-16"))
def test_any_file_is_read_or_refused_with_its_name(file: Path, content: bytes) -> None:
    file.write_bytes(content)

    told = refusal(lambda: Community.from_toml(file), ConfigError)

    if told is not None:
        assert is_clear(told)
        assert all(line.startswith(str(file)) for line in told.splitlines())


VALUES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    | st.lists(st.integers(), max_size=2)
)  # fmt: skip
SECTIONS = [
    "announcements", "game", "consumers", "cleanup", "reconcile", "stores.telegram", "telegram",
]  # fmt: skip


@given(
    section=st.sampled_from(SECTIONS),
    key=st.sampled_from(
        ["telegram", "language", "pause_s", "lanes", "block_ms", "claim_idle_ms", "retention_days",
         "interval_ms", "members_share_max", "xp_max", "table", "class", "options", "chat_id"]
    ),
    value=VALUES,
)  # fmt: skip
def test_any_value_of_a_setting_is_taken_or_refused_by_its_name(
    file: Path, section: str, key: str, value: Any
) -> None:
    head = "[discord]\nguild_id = 1\n[[ranks]]\nname = 'A'\nxp = 1\n"
    head = head if section == "telegram" else f"[telegram]\nchat_id = -1\n{head}"
    file.write_text(f"{head}[{section}]\n{key} = {as_toml(value)}\n", encoding="utf-8")

    told = refusal(lambda: Community.from_toml(file), ConfigError)

    assert told is None or (is_clear(told) and (key in told or section in told))


def as_toml(value: Any) -> str:
    if isinstance(value, str):
        escaped = "".join(f"\\U{ord(mark):08x}" for mark in value)
        return f'"{escaped}"'
    return "{}" if value is None else str(value).lower()


@given(
    name=st.sampled_from(Settings.variables()),
    value=st.text(st.characters(exclude_characters="\0"), max_size=30),
)
def test_any_environment_is_taken_or_refused_by_the_variable(name: str, value: str) -> None:
    environ = {"TELEGRAM_TOKEN": PASSWORD, "DATABASE_URL": POSTGRES, name: value}

    told = refusal(lambda: Settings.from_env(environ), ConfigError)

    assert told is None or (is_clear(told) and name in told)


class UnreachableLoop(asyncio.SelectorEventLoop):
    """A loop on a machine whose servers are all away, so that no example waits for a network."""

    async def create_connection(self, *_: Any, **__: Any) -> Any:
        raise ConnectionRefusedError(111, "Connect call failed")

    async def create_unix_connection(self, *_: Any, **__: Any) -> Any:
        raise ConnectionRefusedError(111, "Connect call failed")

    async def getaddrinfo(self, *_: Any, **__: Any) -> Any:
        return [(2, 1, 6, "", ("127.0.0.1", 1))]


def run(dial: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=UnreachableLoop) as runner:
        runner.run(dial())


@given(url=damaged(POSTGRES, edits_max=2) | NONSENSE)
@example(url=f"postgresql://me:{PASSWORD}127.0.0.1:1/name")
@example(url=f"postgresql://me:{PASSWORD}@127.0.0.1:1/name?sslmode=sometimes")
@example(url=f"mysql://me:{PASSWORD}@127.0.0.1/name")
def test_any_address_of_postgres_is_dialled_or_refused(url: str) -> None:
    async def dial() -> None:
        await open_pool(url, name="test", size_max=1)

    told = refusal(lambda: run(dial), BadDatabaseUrl, StorageUnavailable)

    assert told is not None
    assert is_clear(told)


@given(url=st.one_of([damaged(url, edits_max=2) for url in REDIS]) | NONSENSE)
@example(url=f"unix:{PASSWORD}")
@example(url=f"unix:///tmp/valkey.sock/db=0&password={PASSWORD}")
@example(url=f"redis://:{PASSWORD}127.0.0.1:1/0")
@example(url=f"redis://:{PASSWORD}@127.0.0.1:1/0?protocol=3")
@example(url=f"rediss://:{PASSWORD}@127.0.0.1:1/0?ssl_cert_reqs=sometimes")
def test_any_address_of_redis_is_dialled_or_refused(url: str) -> None:
    # The name of a sentinel's service is told, and no rule tells a password there from a name.
    assume(PASSWORD not in url.rpartition("/")[2])

    async def dial() -> None:
        redis = connect(url, name="test")
        try:
            await ping(redis)
        finally:
            await redis.aclose()

    told = refusal(lambda: run(dial), BadRedisUrl, BusUnavailable)

    assert told is not None
    assert is_clear(told)
