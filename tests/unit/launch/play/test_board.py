"""The board gives every reader what is there now, however slow it is."""

import json

import pytest

from launch.play.board import REMOVED_KEPT, Board


class Reader:
    """A page that reads the board, and keeps what it was told."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.version: int | None = None
        self.objects: dict[str, object] = {}
        self.kinds: list[str] = []
        self.last_id = ""

    def read(self) -> "Reader":
        self.version, event = self.board.after(self.version)
        if event:
            fields = dict(line.split(": ", 1) for line in event.decode().strip().split("\n"))
            told = json.loads(fields["data"])
            self.kinds.append(fields["event"])
            self.last_id = fields["id"]
            if fields["event"] == "state":
                self.objects = {}
            self.objects |= told["set"]
            for key in told.get("removed", ()):
                self.objects.pop(key, None)
        return self


@pytest.fixture
def board() -> Board:
    return Board()


def test_a_reader_gets_the_state_and_then_what_changed(board: Board) -> None:
    board.set("bus/a/1", {"n": 1})
    reader = Reader(board).read()
    board.set("bus/a/2", "two")
    board.remove("bus/a/1")
    reader.read()

    assert reader.kinds == ["state", "change"]
    assert reader.objects == {"bus/a/2": "two"}


def test_a_reader_that_has_everything_gets_nothing(board: Board) -> None:
    board.set("bus/a/1", 1)
    reader = Reader(board).read()
    board.set("bus/a/1", 1)
    board.remove("bus/a/unknown")

    assert board.after(reader.version) == (reader.version, b"")


def test_a_slow_reader_gets_the_newest_of_everything_in_one_change(board: Board) -> None:
    board.set("bus/a/1", 0)
    reader = Reader(board).read()
    for number in range(10_000):
        board.set("bus/a/1", number)
        board.set(f"bus/a/{number % 7}b", number)
    reader.read()

    assert reader.kinds == ["state", "change"]
    assert reader.objects["bus/a/1"] == 9_999
    assert len(reader.objects) == 8


def test_a_folder_keeps_the_objects_that_came_last(board: Board) -> None:
    board.limit("bus/a", 2)
    reader = Reader(board).read()
    for number in range(4):
        board.set(f"bus/a/{number}", number)
    board.set("bus/a/2", "changed")
    board.set("bus/b/1", 1)

    assert Reader(board).read().objects == {"bus/a/2": "changed", "bus/a/3": 3, "bus/b/1": 1}
    assert reader.read().objects == {"bus/a/2": "changed", "bus/a/3": 3, "bus/b/1": 1}


def test_a_key_that_comes_back_is_there(board: Board) -> None:
    board.set("bus/a/1", 1)
    reader = Reader(board).read()
    board.remove("bus/a/1")
    board.set("bus/a/1", 2)

    assert reader.read().objects == {"bus/a/1": 2}


def test_a_reader_that_missed_too_many_removals_gets_the_state(board: Board) -> None:
    board.set("bus/a/stays", 1)
    reader = Reader(board).read()
    for number in range(REMOVED_KEPT + 1):
        board.set(f"bus/b/{number}", number)
        board.remove(f"bus/b/{number}")
    reader.read()

    assert reader.kinds == ["state", "state"]
    assert reader.objects == {"bus/a/stays": 1}


def test_what_was_removed_is_not_remembered_for_ever(board: Board) -> None:
    for number in range(3 * REMOVED_KEPT):
        board.set(f"bus/b/{number}", number)
        board.remove(f"bus/b/{number}")

    assert len(board._versions) == REMOVED_KEPT


def test_a_folder_is_cleared(board: Board) -> None:
    board.set("bus/a/1", 1)
    board.set("bus/b/1", 1)
    reader = Reader(board).read()
    board.clear("bus/a")

    assert reader.read().objects == {"bus/b/1": 1}


def test_a_connection_goes_on_where_it_ended(board: Board) -> None:
    board.set("bus/a/1", 1)
    first = Reader(board).read()
    board.set("bus/a/2", 2)
    second = Reader(board)
    second.version = board.position(first.last_id)
    second.read()

    assert second.kinds == ["change"]
    assert second.objects == {"bus/a/2": 2}


@pytest.mark.parametrize("name", ["", "x.1", "{boot}.", "{boot}.99", "{boot}.-1", "{boot}.²"])
def test_a_foreign_or_later_position_is_none(board: Board, name: str) -> None:
    board.set("bus/a/1", 1)

    assert board.position(name.format(boot=board._boot)) is None


def test_a_change_is_one_line_whatever_is_in_it(board: Board) -> None:
    board.set("bus/a/1\n2", {"text": "a\r\n\n event: x \u2028"})
    _, event = board.after(None)

    assert event.count(b"\n") == 4
    assert Reader(board).read().objects == {"bus/a/1\n2": {"text": "a\r\n\n event: x \u2028"}}


async def test_waiting_ends_with_news(board: Board) -> None:
    version, _ = board.after(None)
    assert not await board.wait(version, 0.001)
    board.set("bus/a/1", 1)

    assert await board.wait(version, 60)
