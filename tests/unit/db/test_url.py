"""The address of Postgres: its hosts and options, and addresses that are refused."""

import pytest

from db.url import BadDatabaseUrl, read

LOGIN = "postgresql://ann:hunter2@"


def test_each_host_is_an_address_and_one_that_takes_writes_is_wanted():
    address = read(f"{LOGIN}one:5433,[::1],three:5434/bot?sslmode=require")

    assert address.hosts == (
        f"{LOGIN}one:5433/bot?sslmode=require&target_session_attrs=read-write",
        f"{LOGIN}[::1]/bot?sslmode=require&target_session_attrs=read-write",
        f"{LOGIN}three:5434/bot?sslmode=require&target_session_attrs=read-write",
    )


def test_an_address_that_says_which_host_it_wants_is_obeyed():
    asked = f"{LOGIN}one,two/bot?target_session_attrs=standby"

    assert all(host.endswith("=standby") for host in read(asked).hosts)
    assert read(f"{LOGIN}one/bot").hosts == (f"{LOGIN}one/bot",)


@pytest.mark.parametrize(
    "option",
    [
        "channel_binding=prefer",
        "channel_binding=disable",
        "gssencmode=disable",
        "keepalives=1",
        "keepalives_idle=30",
        "keepalives_interval=5",
        "keepalives_count=3",
        "tcp_user_timeout=5000",
        "pgbouncer=false",
        "connect_timeout=0",
    ],
)
def test_an_option_of_other_clients_changes_nothing(option: str):
    assert read(f"{LOGIN}one/bot?{option}&sslmode=require") == read(
        f"{LOGIN}one/bot?sslmode=require"
    )


def test_the_time_to_connect_and_a_pooler_are_read_from_the_address():
    address = read(f"{LOGIN}one/bot?connect_timeout=7&pgbouncer=true")

    assert address == ((f"{LOGIN}one/bot",), 7.0, True)


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("channel_binding=require", "sslmode=verify-full"),
        ("channel_binding=yes", "disable, prefer or require"),
        ("gssencmode=require", "sslmode=require"),
        ("connect_timeout=soon", "whole seconds"),
        ("connect_timeout=-1", "whole seconds"),
        ("pgbouncer=perhaps", "true or false"),
    ],
)
def test_an_option_that_cannot_be_obeyed_is_refused_in_one_sentence(option: str, words: str):
    with pytest.raises(BadDatabaseUrl, match=words) as refused:
        read(f"{LOGIN}one/bot?{option}")

    assert "hunter2" not in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://ann:hunter2@one/bot", "mysql:, and twinstream needs Postgres"),
        ("mysql+aiomysql://ann:hunter2@one/bot", "mysql:, and twinstream needs Postgres"),
        ("sqlite:///bot.db", "sqlite:, and twinstream needs Postgres"),
        ("mongodb://one/bot", "mongodb:, and twinstream needs Postgres"),
        ("postgresql+asyncpg://ann:hunter2@one/bot", r"without the \+"),
        ("hunter2://one/bot", "does not begin with postgresql://"),
    ],
)
def test_an_address_of_another_database_is_refused_by_name(url: str, words: str):
    with pytest.raises(BadDatabaseUrl, match=words) as refused:
        read(url)

    assert "hunter2" not in str(refused.value)
