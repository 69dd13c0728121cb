"""A thinned series keeps the ends and the percentiles of all its figures."""

from benchmarks.report import percentile, thinned


def test_few_figures_are_all_kept_in_order():
    assert thinned([3.0, 1.0, 2.0]) == [1.0, 2.0, 3.0]


def test_of_many_figures_the_ends_and_the_percentiles_stay():
    many = [float(number) for number in range(50_000)]

    few = thinned(reversed(many))

    assert len(few) == 1_001
    assert (few[0], few[-1]) == (0.0, 49_999.0)
    for share in (0.5, 0.99, 0.999):
        assert abs(percentile(few, share) - percentile(many, share)) <= 50
