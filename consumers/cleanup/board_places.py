"""Rounds that number long boards, so that a bot tells a deep place without counting to it."""

import asyncio
from typing import Final

import asyncpg

from consumers.runtime.transactions import transaction
from db.members import boards

#: Seconds between two rounds. A round reads each long board once, half a second for a million
#: members; a deep place is as old as the last round.
ROUND_S: Final = 600.0


class PlaceRounds:
    """Numbers each board that is too long to be counted for a question, every ROUND_S."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._clock = asyncio.get_running_loop().time
        self._due_s = self._clock()

    async def step(self) -> int:
        """Number the boards if a round is due. Returns how many places were noted."""
        if self._clock() < self._due_s:
            return 0
        noted = 0
        for board in boards.BOARDS:
            async with transaction(self._pool) as conn:
                noted += await boards.mark_places(conn, board)
        self._due_s = self._clock() + ROUND_S
        return noted
