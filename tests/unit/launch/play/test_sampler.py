"""A burst is sampled, everything is counted, and a quiet bus is drawn whole."""

from launch.play.bus.record import NEWEST, Newest
from launch.play.bus.stories import DRAWN_AT_ONCE, DRAWN_PER_SECOND, EARLIER_SHOWN, Sampler


class Bus:
    """A record that grows, and a sampler that looks at it."""

    def __init__(self, *ids: int) -> None:
        self.ids = list(ids)
        self.sampler = Sampler()
        self.now = 100.0

    def look(self, *added: int, after_s: float = 0.1) -> list[int]:
        self.now += after_s
        self.ids += added
        newest = sorted(self.ids, reverse=True)[:NEWEST]
        later = sum(one > self.sampler.highest for one in self.ids)
        return self.sampler.choose(Newest(newest, later), self.now)


def test_the_latest_events_from_before_are_shown_and_not_counted() -> None:
    bus = Bus(*range(1, 101))

    assert bus.look() == list(range(101 - EARLIER_SHOWN, 101))
    assert bus.sampler.pace() == {"recorded": 0, "passed_over": 0, "per_second": 0}


def test_a_quiet_bus_is_drawn_whole() -> None:
    bus = Bus()
    bus.look()
    drawn = [one for number in range(1, 60) for one in bus.look(number, after_s=1.0)]

    assert drawn == list(range(1, 60))
    assert bus.sampler.pace()["passed_over"] == 0


def test_of_a_burst_a_few_are_drawn_and_all_are_counted() -> None:
    bus = Bus()
    bus.look()
    drawn = 0
    for number in range(50):  # a thousand a second, for five seconds
        drawn += len(bus.look(*range(number * 100 + 1, number * 100 + 101)))

    assert drawn <= DRAWN_AT_ONCE + 5 * DRAWN_PER_SECOND
    assert bus.sampler.pace()["recorded"] == 5_000
    assert bus.sampler.pace()["passed_over"] == 5_000 - drawn
    assert 900 <= bus.sampler.pace()["per_second"] <= 1_100


def test_after_a_burst_events_are_drawn_again() -> None:
    bus = Bus()
    bus.look()
    bus.look(*range(1, 501))

    assert bus.look(501, after_s=1.0) == [501]
    assert bus.look(after_s=10.0) == []
    assert bus.sampler.pace()["per_second"] == 0


def test_an_event_that_commits_late_is_drawn_and_counted() -> None:
    bus = Bus(1)
    bus.look()
    bus.look(5)

    assert bus.look(4) == [4]
    assert bus.sampler.pace()["recorded"] == 2
    assert bus.look() == []


def test_events_that_reappear_when_newer_ones_were_removed_are_not_drawn_again() -> None:
    bus = Bus(*range(1, 100))
    bus.look()
    del bus.ids[-5:]

    assert bus.look() == []
