"""The settings of the environment: addresses of the servers, tokens of the platforms, options.

This module does not read the environment by itself: each process passes it in once, at its start.
"""

import difflib
from collections.abc import Mapping
from typing import Annotated

import msgspec

from .errors import ConfigError
from .masking import secrets_in
from .secret_files import SUFFIX, secret_setting
from .setting_error_texts import explain

Url = Annotated[str, msgspec.Meta(min_length=1)]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One field for each environment variable of the same name in upper case.

    An empty variable counts as unset. Tokens and passwords never show in `repr`, and each of them
    may stand in a file: TELEGRAM_TOKEN_FILE holds the path of a file with the token.
    """

    redis_url: str | None = None
    database_url: str | None = None
    #: Where the relay listens for notifications; needed where a pooler stands at `database_url`.
    database_listen_url: str | None = None
    telegram_token: str | None = None
    discord_token: str | None = None
    #: The key of the HMACs that stay of a forgotten account.
    forget_secret: str | None = None
    telegram_api_base: Url = "https://api.telegram.org"
    discord_api_base: Url = "https://discord.com/api/v10"
    discord_gateway_url: Url = "wss://gateway.discord.gg/"
    discord_cdn_base: Url = "https://cdn.discordapp.com"
    twinstream_config: str = "twinstream.toml"
    #: The program that runs us and takes the operator's commands, where no file tells: `compose`.
    twinstream_deployment: str | None = None
    twinstream_log_level: str = "info"
    twinstream_log_format: str = "auto"
    twinstream_consumer_slot: Annotated[int, msgspec.Meta(ge=1, le=999)] = 1
    twinstream_run_dir: str = ".run"
    twinstream_role_prefix: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_]{1,44}$")] | None = None
    twinstream_heartbeat_file: str | None = None
    #: The list of the forgotten, beside the backups.
    twinstream_forgotten_list: str | None = None
    twinstream_metrics_port: Annotated[int, msgspec.Meta(ge=1, le=65_533)] | None = None
    twinstream_metrics_host: str = "127.0.0.1"

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """Read the settings from an environment.

        Raises:
            ConfigError: a value or a file is unfit, or a variable looks like a misspelt one of
                ours.
        """
        _refuse_misspelt(environ, [*cls.variables(), *cls.file_variables()])
        values = {
            field: secret_setting(environ, field.upper())
            if field in SECRETS
            else environ.get(field.upper(), "").strip()
            for field in cls.__struct_fields__
        }
        found = {field: value for field, value in values.items() if value}
        try:
            settings = msgspec.convert(found, cls, strict=False)
        except msgspec.ValidationError as error:
            problem = explain(error, cls, found)
            raise ConfigError(f"settings: {_name_the_variable(problem.text)}") from None
        _refuse_unknown_choice("TWINSTREAM_LOG_LEVEL", settings.twinstream_log_level, LOG_LEVELS)
        _refuse_unknown_choice("TWINSTREAM_LOG_FORMAT", settings.twinstream_log_format, LOG_FORMATS)
        if settings.twinstream_deployment is not None:
            _refuse_unknown_choice(DEPLOYMENT, settings.twinstream_deployment, DEPLOYMENTS)
        return settings

    @classmethod
    def variables(cls) -> list[str]:
        """Return the names of all variables that twinstream reads."""
        return [field.upper() for field in cls.__struct_fields__]

    @classmethod
    def file_variables(cls) -> list[str]:
        """Return the names of the variables that hold the path of a file with a secret."""
        return [field.upper() + SUFFIX for field in cls.__struct_fields__ if field in SECRETS]

    def secrets(self) -> set[str]:
        """Return the texts that no log may show: the tokens, and the passwords of addresses."""
        secrets = (self.telegram_token, self.discord_token, self.forget_secret)
        tokens = {secret for secret in secrets if secret}
        urls = (self.redis_url, self.database_url, self.database_listen_url)
        return tokens.union(*(secrets_in(url) for url in urls if url))

    def session_address(self) -> tuple[str, str]:
        """Return the address for what belongs to one session of Postgres, and its setting's name.

        A pooler at `database_url` would lose LISTEN and the locks of slots.
        """
        if self.database_listen_url:
            return self.database_listen_url, "DATABASE_LISTEN_URL"
        return self.database_url or "", "DATABASE_URL"

    def require(self, *fields: str) -> None:
        """Refuse to start while any of these settings is missing.

        Raises:
            ConfigError: names every missing one and where to get it.
        """
        missing = [field for field in fields if getattr(self, field) is None]
        if missing:
            lines = [f"{field.upper()} is not set: {ORIGINS[field]}" for field in missing]
            raise ConfigError("\n".join(lines))

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return [
            (field, "***" if field in SECRETS and value else value)
            for field in self.__struct_fields__
            for value in [getattr(self, field)]
        ]

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"Settings({shown})"


SECRETS = frozenset(
    {
        "redis_url",
        "database_url",
        "database_listen_url",
        "telegram_token",
        "discord_token",
        "forget_secret",
    }
)
#: The variable that `consumers.runtime.operator_commands` reads before any other of them.
DEPLOYMENT = "TWINSTREAM_DEPLOYMENT"
DEPLOYMENTS = ("compose",)
LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("auto", "json", "console")

ORIGINS = {
    "redis_url": "the address of Redis 7.0 or newer, such as redis://localhost:6379/0",
    "database_url": "the address of Postgres, such as postgresql://user:password@localhost/name",
    "twinstream_forgotten_list": "the path of the list that lies beside the backups",
    "telegram_token": "open a chat with @BotFather in Telegram, send /newbot, and copy the token",
    "forget_secret": "32 random characters that stay the same for ever (docs/privacy.md)",
    "discord_token": (
        "create an application at https://discord.com/developers/applications,"
        " open its Bot page, and press Reset Token"
    ),
}

_PREFIXES = ("TWINSTREAM_", "TELEGRAM_", "DISCORD_", "REDIS_", "DATABASE_")
#: difflib's ratio from which on a name with one of these prefixes is a misspelt one of ours.
_SIMILARITY = 0.85
#: The same for names with other prefixes: DATABSE_URL is close enough, MONGO_URL is not.
_SIMILARITY_ELSEWHERE = 0.92


def _refuse_misspelt(environ: Mapping[str, str], known: list[str]) -> None:
    """Refuse TELEGRAM_TOKN, but accept other programs' REDIS_HOST.

    The prefix TWINSTREAM_ is ours alone, so any unknown variable with it is a mistake. Another
    variable is one only if it is very close to one of ours, and only while ours is not set.
    """
    unset = [one for one in known if not (environ.get(one) or environ.get(one + SUFFIX))]
    for name in sorted(environ.keys() - set(known)):
        cutoff = _SIMILARITY if name.startswith(_PREFIXES) else _SIMILARITY_ELSEWHERE
        close = difflib.get_close_matches(name, unset, n=1, cutoff=cutoff)
        if close:
            raise ConfigError(f"settings: {name} is not one of ours; did you mean {close[0]}?")
        if name.startswith("TWINSTREAM_"):
            ours = ", ".join(one for one in known if one.startswith("TWINSTREAM_"))
            raise ConfigError(f"settings: {name} is not one of ours; there are {ours}")


def _refuse_unknown_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ConfigError(
            f"settings: {name} is {value!r}, but it must be one of {', '.join(choices)}"
        )


def _name_the_variable(sentence: str) -> str:
    """Name the variable first, and leave out that it holds text: every variable does."""
    field, _, demand = sentence.partition(" ")
    return f"{field.upper()} {demand.replace('not the text', 'not')}"
