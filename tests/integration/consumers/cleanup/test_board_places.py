"""Long boards are numbered every ten minutes, and short ones are not."""

import asyncio

from consumers.cleanup import board_places
from consumers.cleanup.board_places import PlaceRounds
from consumers.cleanup.role import Cleanup
from consumers.runtime.resources import Resources
from db.members import boards


async def members(resources: Resources, count: int) -> None:
    await resources.pool.execute(
        "INSERT INTO members (xp) SELECT n FROM generate_series(1, $1::bigint) AS n", count
    )


async def places(resources: Resources) -> list[int]:
    rows = await resources.pool.fetch("SELECT place FROM board_places ORDER BY place")
    return [place for (place,) in rows]


async def test_the_role_numbers_long_boards(resources: Resources, monkeypatch):
    monkeypatch.setattr(boards, "COUNTED_MAX", 20)
    monkeypatch.setattr(boards, "MARK_STEP", 10)
    await members(resources, 35)

    await Cleanup(resources).step()

    assert await places(resources) == [10, 20, 30]


async def test_a_round_is_due_after_a_while(resources: Resources, monkeypatch):
    monkeypatch.setattr(boards, "COUNTED_MAX", 20)
    monkeypatch.setattr(boards, "MARK_STEP", 10)
    rounds = PlaceRounds(resources.pool)
    assert await rounds.step() == 0
    await members(resources, 35)
    assert await rounds.step() == 0

    monkeypatch.setattr(board_places, "ROUND_S", 0.0)
    rounds = PlaceRounds(resources.pool)

    assert await rounds.step() == 3
    assert await rounds.step() == 3


async def test_two_processes_number_the_boards_one_after_the_other(
    resources: Resources, monkeypatch
):
    monkeypatch.setattr(boards, "COUNTED_MAX", 20)
    monkeypatch.setattr(boards, "MARK_STEP", 10)
    await members(resources, 35)

    rounds = [PlaceRounds(resources.pool) for _ in range(4)]
    await asyncio.gather(*(one.step() for one in rounds))

    assert await places(resources) == [10, 20, 30]
