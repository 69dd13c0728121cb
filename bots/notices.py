"""Telling the owners of accounts, in private, what concerns them alone.

A notice is a row, so it reaches its owner whichever process wrote it, and after a restart too.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from db import DbError
from db.members.notices import CODE_VOID, Notice

from . import answers
from .announcements import PerhapsSent, Unsent
from .members import Members
from .supervisor import backoff_s
from .texts import Texts

log = structlog.get_logger("twinstream.bots")

INTERVAL_S = 3.0
TAKEN_MAX = 20
#: A message that could not be sent is tried again so often, later each time.
ATTEMPTS_MAX = 8
DELAY_FIRST_S = 30.0
DELAY_MAX_S = 3_600.0

Send = Callable[[int, str], Awaitable[None]]


class Unwanted(Exception):
    """The owner takes no private messages from the bot, so they are not told."""


class Notifier:
    """Sends one platform's notices, each until it arrived or was refused for good.

    A notice whose fate is not known is sent again: to be told twice is better than not at all.
    """

    def __init__(self, members: Members, texts: Texts, send: Send) -> None:
        self._members = members
        self._texts = texts
        self._send = send

    async def run(self) -> None:
        """Tell for ever, until cancelled."""
        while True:
            try:
                await self.step()
            except DbError as error:
                log.warning("notices.waiting", why=str(error))
            await asyncio.sleep(INTERVAL_S)

    async def step(self) -> int:
        """Tell what is due. Returns how many owners were told."""
        told = 0
        for notice in await self._members.take_notices(TAKEN_MAX):
            told += await self._tell(notice)
        return told

    async def _tell(self, notice: Notice) -> bool:
        text = notice_text(notice.kind, self._texts)
        if text is None:
            # A newer release wrote it: that one's bot knows what to say.
            return False
        known = {"account_id": notice.account_id, "kind": notice.kind}
        try:
            await self._send(notice.account_id, text)
        except Unwanted as error:
            log.info("notice.refused", **known, why=str(error))
        except (Unsent, PerhapsSent) as error:
            await self._try_later(notice, str(error))
            return False
        except Exception:
            log.exception("notice.failed", **known)
            await self._try_later(notice, "an unexpected error")
            return False
        else:
            log.info("notice.sent", **known)
        await self._members.end_notice(notice)
        return True

    async def _try_later(self, notice: Notice, why: str) -> None:
        delay_s = backoff_s(notice.attempts, first_s=DELAY_FIRST_S, max_s=DELAY_MAX_S, chance=0.0)
        is_last = notice.attempts >= ATTEMPTS_MAX
        log.warning(
            "notice.unsent",
            account_id=notice.account_id,
            kind=notice.kind,
            why=why,
            again_in_s=None if is_last else delay_s,
        )
        if is_last:
            await self._members.end_notice(notice)
        else:
            await self._members.put_notice_off(notice, delay_s)


def notice_text(kind: str, texts: Texts) -> str | None:
    """Write what a notice says; None for a kind that this release does not know. Pure."""
    return answers.code_was_voided(texts) if kind == CODE_VOID else None
