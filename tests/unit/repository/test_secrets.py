"""Passwords and tokens stay out of errors, logs and addresses, however they are mistyped."""

import asyncio
import contextlib
import io
import logging
import sys
import traceback
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
import structlog
from hypothesis import example, given
from hypothesis import strategies as st

from bus import BusError, address, connect, ping
from config import Settings, mask_url, masking, secrets_in, set_up_logs
from db import BadDatabaseUrl, DbError, open_pool
from db.url import check
from launch.errors import LaunchError
from launch.migrate import migrate
from launch.psql import without_password

#: No word of an error holds four of these letters in a row, so one that does quotes the password.
PASSWORDS = st.text(
    st.sampled_from("QXZJVW" * 3 + "@#/?:%[]&=+,;\\'\"\né℀"), min_size=8, max_size=24
)
PIECE = 4
NOWHERE = "127.0.0.1:1"

POSTGRES_SLIPS = (
    f"postgresql://user:{{}}@{NOWHERE}/name",
    f"postgres://user:{{}}@{NOWHERE}/name",
    f"postgresql://:{{}}@{NOWHERE}/name",
    f"postgresql:/user:{{}}@{NOWHERE}/name",
    f"postgresql+asyncpg://user:{{}}@{NOWHERE}/name",
    f"mysql://user:{{}}@{NOWHERE}/name",
    f"user:{{}}@{NOWHERE}/name",
    "{}",
    f" postgresql://user:{{}}@{NOWHERE}/name",
    "postgresql://user:{}",
    "postgresql://user:{}@",
    "postgresql://user:{}@127.0.0.1:port/name",
    "postgresql://user:{}@127.0.0.1:99999/name",
    "postgresql://user:{}@[::1/name",
    "postgresql://user:{}@[::1]:1/name",
    f"postgresql://user:{{}}@{NOWHERE},127.0.0.1:2/name",
    f"postgresql://user:{{}}@{NOWHERE}/name?sslmode=bogus",
    f"postgresql://user:{{}}@{NOWHERE}/name?bogus",
    f"postgresql://user:{{}}@{NOWHERE}/name?{{}}",
    f"postgresql://{NOWHERE}/name?user=user&password={{}}",
)
REDIS_SLIPS = (
    f"redis://user:{{}}@{NOWHERE}/0",
    f"rediss://user:{{}}@{NOWHERE}/0?ssl_cert_reqs={{}}",
    f"redis://:{{}}@{NOWHERE}/0",
    f"redis:/user:{{}}@{NOWHERE}/0",
    f"http://user:{{}}@{NOWHERE}/0",
    f"user:{{}}@{NOWHERE}/0",
    "{}",
    "redis://user:{}",
    "redis://user:{}@",
    "redis://user:{}@127.0.0.1:port/0",
    "redis://user:{}@127.0.0.1:99999/0",
    "redis://user:{}@[::1/0",
    "redis://user:{}@[::1]:1/0",
    f"redis://user:{{}}@{NOWHERE},127.0.0.1:2/0",
    f"redis://user:{{}}@{NOWHERE}/name",
    f"redis://{NOWHERE}/0?password={{}}",
    "unix:///nowhere/redis.sock?password={}",
    f"redis+sentinel://user:{{}}@{NOWHERE}/service/0",
    f"redis+sentinel://{NOWHERE}/service/0?sentinel_password={{}}",
    f"redis+sentinel://user:{{}}@{NOWHERE}/service/0?sentinel_username=x&sentinel_password={{}}",
    f"redis+sentinel://user:{{}}@{NOWHERE}",
    f"redis+cluster://user:{{}}@{NOWHERE},127.0.0.1:2",
    f"redis+cluster://user:{{}}@{NOWHERE}/1",
)


def pieces(password: str) -> set[str]:
    """Every four characters of a password in a row, as written and as a library may quote it."""
    spellings = (password, quote(password), quote(password, safe=""), repr(password)[1:-1])
    return {
        spelling[first : first + PIECE]
        for spelling in spellings
        for first in range(len(spelling) - PIECE + 1)
        if not spelling[first : first + PIECE].isascii()
        or any(mark in "QXZJVW" for mark in spelling[first : first + PIECE])
    }


def told_by(deed: Callable[[], object]) -> str:
    """All that a person could read of what a deed says: the error, its causes and the trace."""
    try:
        return str(deed())
    except (DbError, BusError, LaunchError) as error:
        # Without the lines of source, which are these.
        shown: traceback.TracebackException | None = traceback.TracebackException.from_exception(
            error
        )
        told = [str(error)]
        while shown is not None:
            told += shown.format_exception_only()
            shown = shown.__cause__ or (None if shown.__suppress_context__ else shown.__context__)
        return "\n".join(told)


def assert_hidden(password: str, told: str) -> None:
    shown = [piece for piece in pieces(password) if piece in told]
    assert not shown, (shown, told)


@given(PASSWORDS, st.sampled_from(POSTGRES_SLIPS))
def test_no_error_about_the_address_of_postgres_shows_a_piece_of_the_password(
    password: str, slip: str
) -> None:
    url = slip.replace("{}", password)

    async def opened() -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            async with asyncio.timeout(5):
                await open_pool(url, name="test")

    assert_hidden(password, told_by(lambda: asyncio.run(opened())))


@example("QXZJ[VW", "postgresql://user:{}@127.0.0.1:1/name")
@given(PASSWORDS, st.sampled_from(POSTGRES_SLIPS))
def test_no_error_of_a_migration_shows_a_piece_of_the_password(password: str, slip: str) -> None:
    assert_hidden(password, told_by(lambda: migrate(slip.replace("{}", password))))


@given(PASSWORDS, st.sampled_from(REDIS_SLIPS))
def test_no_error_about_the_address_of_redis_shows_a_piece_of_the_password(
    password: str, slip: str
) -> None:
    url = slip.replace("{}", password)

    async def pinged() -> None:
        redis = connect(url, name="test")
        try:
            await ping(redis)
        finally:
            await redis.aclose()

    assert_hidden(password, told_by(lambda: asyncio.run(pinged())))
    assert_hidden(password, told_by(lambda: address(url)))


@given(PASSWORDS, st.sampled_from(POSTGRES_SLIPS + REDIS_SLIPS))
def test_an_address_is_shown_without_a_piece_of_the_password(password: str, slip: str) -> None:
    for meant in (password, quote(password, safe="")):
        url = slip.replace("{}", meant)
        if "@" in slip and "?" not in slip and "://" in slip:
            assert_hidden(password, mask_url(url))
        assert_hidden(password, repr(Settings(redis_url=url, database_url=url)))


@given(PASSWORDS)
def test_a_well_written_password_passes_and_is_kept_out_of_the_arguments(password: str) -> None:
    url = f"postgresql://user:{quote(password, safe='')}@host:5432/name?sslmode=require"
    check(url)

    told, login = without_password(url)

    assert told == "postgresql://user@host:5432/name?sslmode=require"
    assert login == {"PGPASSWORD": password}
    assert password in secrets_in(url)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://localhost/name",
        "postgres://user@localhost:5432/name?application_name=x",
        "postgresql://user:secret@[::1]:5432/name",
        "postgresql://user:se:cret@one,two:5433,[::1]/name?target_session_attrs=any",
        "postgresql://user@%2Fvar%2Frun%2Fpostgresql/name",
        "postgresql:///name?host=/var/run/postgresql&user=user",
        "postgresql://my-host.example.com",
    ],
)
def test_an_address_in_any_form_that_works_is_let_through(url: str) -> None:
    check(url)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://user:se@cret@host/name", "bare / ? or @"),
        ("postgresql://user:12/34@host/name", "bare / ? or @"),
        ("postgresql://user:12?34@host/name", "bare / ? or @"),
        ("postgresql://user:12#34@host/name", "bare #"),
        ("postgresql://user:12%3@host/name", "hexadecimal"),
        ("postgresql://user:secret", "host or port"),
        ("postgresql://user:secret@host:70000/name", "host or port"),
        ("postgresql://user:se cret@host/name", "a space"),
        ("postgresql://host/name?sslmode", "has no value"),
        ("mysql://user:secret@host/name", "needs Postgres"),
    ],
)
def test_what_is_wrong_with_an_address_is_said(url: str, says: str) -> None:
    with pytest.raises(BadDatabaseUrl) as caught:
        check(url)

    assert says in str(caught.value)
    assert "postgresql://user:password@host" in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://:secret@one:6379/0", "redis://:***@one:6379/0"),
        ("redis://one:6379/0", "redis://one:6379/0"),
        ("postgresql://user:p@ss@host:5432/name", "postgresql://user:***@host:5432/name"),
        ("postgresql://user@host/name?password=secret", "postgresql://user@host/name"),
        ("redis+sentinel://ann:x@one,[::1]:26379/s/0?sentinel_password=x",
         "redis+sentinel://ann:***@one,[::1]:26379/s/0"),
        ("secret", "***"),
    ],
)  # fmt: skip
def test_an_address_is_shown_with_everything_but_its_secrets(url: str, shown: str) -> None:
    assert mask_url(url) == shown


@pytest.fixture
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Logging is one for the whole process."""
    root, ours = logging.getLogger(), logging.getLogger("twinstream")
    before = root.handlers, root.level, ours.level
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    yield
    root.handlers, root.level, ours.level = before
    structlog.reset_defaults()


TOKEN = "4242:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
SECRETS = ('se"cr\\et/pass', "пароль-пароль", TOKEN)


@pytest.mark.usefixtures("_as_before")
@pytest.mark.parametrize("style", ["console", "json"])
@pytest.mark.parametrize("secret", SECRETS)
def test_no_line_and_no_traceback_of_a_log_holds_a_secret(
    monkeypatch: pytest.MonkeyPatch, style: str, secret: str
) -> None:
    output = io.StringIO()
    monkeypatch.setattr(sys, "stderr", output)
    set_up_logs(style=style, secrets=SECRETS)
    log = structlog.get_logger("twinstream.test")
    url = f"https://api.telegram.org/bot{secret}/getMe"
    log.info("call.failed", url=url, nested={"why": [secret]})
    log.info("call.failed", why=repr(secret), quoted=quote(secret, safe=""))
    try:
        raise ValueError(url)
    except ValueError as error:
        log.warning("call.failed", exc_info=error)
        logging.getLogger("aiohttp").exception("could not call %s", url)
        sys.excepthook(ValueError, error, error.__traceback__)

    written = output.getvalue()
    assert written.count("***") >= 8
    for spelling in (secret, repr(secret)[1:-1], quote(secret, safe=""), quote(secret)):
        assert spelling not in written


def test_a_word_that_is_too_short_to_be_a_secret_is_left_in_its_place() -> None:
    assert masking(["redis", ""])("redis is at redis://one") == "redis is at redis://one"


def test_a_name_that_is_its_own_password_is_no_secret() -> None:
    assert secrets_in("postgresql://postgres:postgres@host/name") == set()


def test_settings_tell_what_to_hide() -> None:
    settings = Settings(
        redis_url="redis+sentinel://ann:pass%2Fword@one/s?sentinel_password=watchword",
        database_url="postgresql://user:mis@typed@host/name",
        telegram_token=TOKEN,
    )

    assert settings.secrets() == {"pass%2Fword", "pass/word", "watchword", "mis@typed", TOKEN}
