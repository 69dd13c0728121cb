"""Discord's refusals: for whom each holds, and when to look again."""

import contextlib
from collections.abc import Iterator
from http import HTTPStatus

import aiohttp
import discord

from config.discord_answers import UNREADABLE, wait_asked_s
from consumers.display.port import CannotShow
from db import surfaces

from .hierarchy import NOT_IN_SERVER

#: A refusal of one member or role lasts until a person acts, which takes minutes.
REFUSED_RETRY_S = 300.0
#: A refusal of everything lasts until an operator acts, who then wants to see that it helped.
MENDED_RETRY_S = 10.0
#: Troubles of Discord's own, and of the network, mostly end within seconds.
TROUBLE_RETRY_S = 10.0

UNKNOWN_GUILD = 10004
UNKNOWN_MEMBER = 10007
UNKNOWN_ROLE = 10011
UNKNOWN_USER = 10013
MISSING_ACCESS = 50001
MISSING_PERMISSIONS = 50013
INVALID_ROLE = 50028


def obstacle(error: Exception) -> CannotShow:
    """Say for whom Discord's refusal holds, and when to look again. Pure."""
    wait_s = wait_asked_s(error, unsaid_s=TROUBLE_RETRY_S)
    if wait_s is not None:
        return CannotShow("Discord asks to wait", retry_s=wait_s, everyone=True)
    if isinstance(error, discord.HTTPException) and (refusal := _refusal(error)):
        return refusal
    return CannotShow(
        f"Discord is in trouble ({type(error).__name__}: {error})",
        retry_s=TROUBLE_RETRY_S,
        everyone=True,
    )


def _refusal(error: discord.HTTPException) -> CannotShow | None:
    """Return the refusal that Discord's answer states; None if it only states trouble. Pure."""
    if error.code in (UNKNOWN_MEMBER, UNKNOWN_USER):
        return CannotShow(
            "is not a member of the Discord server",
            retry_s=REFUSED_RETRY_S,
            cause=surfaces.ABSENT,
        )
    if error.code in (UNKNOWN_GUILD, MISSING_ACCESS):
        return CannotShow(NOT_IN_SERVER, retry_s=MENDED_RETRY_S, everyone=True)
    if error.status == HTTPStatus.UNAUTHORIZED:
        return CannotShow(
            "Discord refuses DISCORD_TOKEN: was it reset?", retry_s=MENDED_RETRY_S, everyone=True
        )
    if error.status == HTTPStatus.FORBIDDEN:
        return CannotShow(
            f"Discord forbids it ({error.code} {error.text})",
            retry_s=MENDED_RETRY_S,
            everyone=True,
        )
    return None


@contextlib.contextmanager
def mapped_errors() -> Iterator[None]:
    """Raise CannotShow for every error of discord.py."""
    try:
        yield
    except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
        raise obstacle(error) from error
    except UNREADABLE as error:
        raise CannotShow(
            f"Discord's answer cannot be read ({type(error).__name__})",
            retry_s=TROUBLE_RETRY_S,
            everyone=True,
        ) from error
