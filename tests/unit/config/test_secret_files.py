"""Secrets in files: NAME_FILE names the file that holds the setting NAME."""

import os
from pathlib import Path

import pytest

from config import ConfigError, Settings, defaults_for, in_place_of, secret_setting

TOKEN = "4242:QXZJVWQXZJVWQXZJVWQXZJVW"
SECRETS = ("REDIS_URL", "DATABASE_URL", "DATABASE_LISTEN_URL", "TELEGRAM_TOKEN", "DISCORD_TOKEN")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(f"{TOKEN}\n")
    return path


def refusal(environ: dict[str, str]) -> str:
    with pytest.raises(ConfigError) as caught:
        Settings.from_env(environ)
    return str(caught.value)


@pytest.mark.parametrize("name", SECRETS)
def test_every_secret_may_stand_in_a_file(name: str, file: Path) -> None:
    settings = Settings.from_env({f"{name}_FILE": str(file)})

    assert getattr(settings, name.lower()) == TOKEN


@pytest.mark.parametrize(
    "written", [f"{TOKEN}", f"{TOKEN}\n", f"{TOKEN}\r\n", f"\ufeff{TOKEN}\n\n"]
)
def test_a_line_break_at_the_end_does_not_matter(written: str, file: Path) -> None:
    file.write_bytes(written.encode())

    assert Settings.from_env({"TELEGRAM_TOKEN_FILE": str(file)}).telegram_token == TOKEN


def test_a_secret_from_a_file_is_kept_out_of_logs(file: Path) -> None:
    settings = Settings.from_env({"TELEGRAM_TOKEN_FILE": str(file)})

    assert settings.secrets() == {TOKEN}
    assert TOKEN not in repr(settings)


def test_an_empty_variable_names_no_file(file: Path) -> None:
    assert Settings.from_env({"TELEGRAM_TOKEN_FILE": " "}).telegram_token is None
    from_file = Settings.from_env({"TELEGRAM_TOKEN": "", "TELEGRAM_TOKEN_FILE": str(file)})
    assert from_file.telegram_token == TOKEN


def test_a_secret_that_is_given_twice_is_refused(file: Path) -> None:
    said = refusal({"TELEGRAM_TOKEN": "another", "TELEGRAM_TOKEN_FILE": str(file)})

    assert said == (
        "settings: TELEGRAM_TOKEN and TELEGRAM_TOKEN_FILE are both set; unset one of them"
    )


def test_a_file_that_cannot_be_used_is_named_with_the_reason(tmp_path: Path) -> None:
    empty, lines, latin, huge = (tmp_path / name for name in ("empty", "lines", "latin", "huge"))
    empty.write_text(" \n")
    lines.write_text(f"# my token\n{TOKEN}\n")
    latin.write_bytes(b"\xe9\xe8")
    huge.write_bytes(b"x" * 100_000)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def said(path: Path) -> str:
        return refusal({"DATABASE_URL_FILE": str(path)})

    named = "settings: DATABASE_URL_FILE names"
    assert said(tmp_path / "none") == f"{named} {tmp_path}/none, which does not exist"
    assert said(empty / "below") == f"{named} {empty}/below, which does not exist"
    assert said(tmp_path) == f"{named} {tmp_path}, which is a directory; name the file in it"
    assert said(empty) == f"{named} {empty}, which is empty"
    assert said(pipe) == f"{named} {pipe}, which is no ordinary file"
    assert said(lines) == (
        f"{named} {lines}, which holds several lines; write the secret and nothing else into it"
    )
    assert said(latin) == f"{named} {latin}, which is not text in UTF-8"
    assert said(huge) == f"{named} {huge}, which holds more than 16 KiB; is it the right file?"


def test_a_file_that_this_user_may_not_read_is_named_with_the_user(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    # Root may read everything, and tests often run as root.
    monkeypatch.setattr("config.secret_files.os.open", refuse)

    assert refusal({"REDIS_URL_FILE": str(file)}) == (
        f"settings: REDIS_URL_FILE names {file}, which user {os.geteuid()} may not read"
    )


def test_a_secret_in_the_place_of_the_path_is_not_repeated() -> None:
    for secret in (TOKEN, "postgresql://user:QXZJVW@host/name", "x" * 5_000, "a\0b"):
        said = refusal({"DATABASE_URL_FILE": secret})

        assert said == (
            "settings: DATABASE_URL_FILE does not name a file; it takes the path of a file, not the"
            " secret itself"
        )


def test_a_misspelt_file_stops_the_start(file: Path) -> None:
    said = refusal({"TELEGRAM_TOKN_FILE": str(file)})

    assert "did you mean TELEGRAM_TOKEN_FILE?" in said


def test_only_a_secret_is_taken_from_a_file(file: Path) -> None:
    assert "TWINSTREAM_CONFIG_FILE is not one of ours" in refusal(
        {"TWINSTREAM_CONFIG_FILE": str(file)}
    )


def test_a_password_that_is_no_setting_of_processes_may_stand_in_a_file(file: Path) -> None:
    environ = {"POSTGRES_TELEGRAM_PASSWORD_FILE": str(file), "POSTGRES_DISCORD_PASSWORD": "x"}

    assert secret_setting(environ, "POSTGRES_TELEGRAM_PASSWORD") == TOKEN
    assert secret_setting(environ, "POSTGRES_DISCORD_PASSWORD") == "x"
    assert secret_setting(environ, "POSTGRES_CONSUMERS_PASSWORD") == ""


def test_what_a_launcher_sets_for_a_process_takes_the_place_of_a_file(file: Path) -> None:
    environ = {"REDIS_URL_FILE": str(file), "TELEGRAM_TOKEN_FILE": str(file), "HOME": "/"}

    replaced = in_place_of(environ, {"REDIS_URL": "redis://here"})

    assert replaced == {
        "REDIS_URL": "redis://here", "TELEGRAM_TOKEN_FILE": str(file), "HOME": "/"
    }  # fmt: skip
    assert Settings.from_env(replaced).redis_url == "redis://here"


@pytest.mark.parametrize(
    ("environ", "added"),
    [
        ({}, {"TELEGRAM_TOKEN": "default"}),
        ({"TELEGRAM_TOKEN": "given"}, {}),
        ({"TELEGRAM_TOKEN": ""}, {}),
        ({"TELEGRAM_TOKEN_FILE": "/given"}, {}),
        ({"TELEGRAM_TOKEN_FILE": ""}, {"TELEGRAM_TOKEN": "default"}),
    ],
)
def test_the_environment_wins_over_a_default_in_either_way(
    environ: dict[str, str], added: dict[str, str]
) -> None:
    assert defaults_for(environ, {"TELEGRAM_TOKEN": "default", "REDIS_URL": None}) == added


def test_a_default_that_names_a_file_gives_way_as_well() -> None:
    found = {"TELEGRAM_TOKEN_FILE": "/default"}

    assert defaults_for({"TELEGRAM_TOKEN": "given"}, found) == {}
    assert defaults_for({}, found) == found
