"""Rate limits in windows of time, as both local platforms have them."""

from sandbox import Rate, Window


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_window_grants_its_limit_then_names_the_wait():
    clock = Clock()
    window = Window(2, 10.0, clock)
    assert (window.remaining, window.reset_after) == (2, 0.0)
    assert (window.take(), window.take()) == (0.0, 0.0)
    clock.now += 4
    assert window.remaining == 0
    assert window.wait() == window.take() == 6.0
    clock.now += 6
    assert window.wait() == 0.0
    assert window.take() == 0.0
    assert (window.remaining, window.reset_after) == (1, 10.0)


def test_scaling_a_rate_scales_its_window_only():
    assert Rate(20, 60.0).scaled(0.1) == Rate(20, 6.0)
