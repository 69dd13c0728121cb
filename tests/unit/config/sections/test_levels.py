"""Levels: curves of known bots and of the operator, exact at every size, and unfit ones refused."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import Community, ConfigError, LevelCurve, LevelSetting, curve_of
from config.levels import CURVES, LEVELS_MAX, level_problems

HEAD = (
    "[telegram]\nchat_id = -1001\n[discord]\nguild_id = 9001\n"
    '[[ranks]]\nname = "Newcomer"\nxp = 10\n[levels]\n'
)
COEFFICIENTS = st.floats(-1_000, 10**9).map(lambda number: round(number, 6))


def read(tmp_path: Path, section: str) -> Community:
    file = tmp_path / "twinstream.toml"
    file.write_text(HEAD + section)
    return Community.from_toml(file)


@st.composite
def fit_settings(draw: st.DrawFn) -> LevelSetting:
    """Draw any setting that has no problems."""
    terms = tuple(draw(st.lists(COEFFICIENTS, min_size=1, max_size=5)))
    steps = draw(st.lists(st.integers(1, 10**12), min_size=1, max_size=50))
    table = tuple(sum(steps[: end + 1]) for end in range(len(steps)))
    highest, round_to = draw(st.integers(1, 300)), draw(st.sampled_from([1, 5, 100]))
    drawn = draw(
        st.sampled_from(
            [
                *(LevelSetting(curve=name, highest=highest) for name in CURVES),  # type: ignore[arg-type]
                LevelSetting(total=terms, highest=highest, round_to=round_to),
                LevelSetting(step=terms, highest=highest, round_to=round_to),
                LevelSetting(table=table, highest=highest),
            ]
        )
    )
    return drawn if not list(level_problems(drawn)) else LevelSetting(highest=highest)


@pytest.mark.parametrize(
    ("curve", "needed"),
    [
        # MEE6's own documentation: 100, 155, 220, 295, 380 from one level to the next.
        ("mee6", [0, 100, 255, 475, 770, 1150]),
        ("lurkr", [0, 100, 150, 300, 550, 900]),
        ("amari", [0, 35, 55, 115, 215, 355]),
        # 151, 408, 777, 1264, 1875, to the nearest hundred.
        ("polaris", [0, 200, 400, 800, 1300, 1900]),
        ("arcane", [0, 75, 250, 525, 900, 1375]),
        ("levelup", [0, 100, 400, 900, 1600, 2500]),
    ],
)
def test_the_curves_of_known_bots_need_what_those_bots_need(curve: str, needed: list[int]) -> None:
    levels = curve_of(LevelSetting(curve=curve))  # type: ignore[arg-type]

    assert [levels.xp_of(level) for level in range(6)] == needed


def test_the_curve_of_mee6_is_the_cubic_that_importers_know() -> None:
    levels = curve_of(LevelSetting(highest=LEVELS_MAX))

    for level in (1, 99, 100, 101, 9_999, LEVELS_MAX):
        assert levels.xp_of(level) * 6 == 10 * level**3 + 135 * level**2 + 455 * level


def test_without_the_section_the_curve_is_that_of_mee6(tmp_path: Path) -> None:
    community = read(tmp_path, "")

    assert community.level_curve.xp_of(2) == 255
    assert community.level_curve.highest == 1_000


def test_a_member_climbs_within_a_level_and_stops_at_the_highest() -> None:
    levels = LevelCurve((100, 255))

    assert levels.progress(0) == (0, 0, 100)
    assert levels.progress(99) == (0, 99, 100)
    assert levels.progress(100) == (1, 0, 155)
    assert levels.progress(255) == (2, 0, None)
    assert levels.progress(10**15) == (2, 10**15 - 255, None)
    # The books of one platform may be below zero for a while.
    assert levels.progress(-5) == (0, 0, 100)


@pytest.mark.parametrize("level", [-1, 3])
def test_a_level_that_the_curve_has_not_is_an_error(level: int) -> None:
    with pytest.raises(ValueError, match="only 0 to 2"):
        LevelCurve((100, 255)).xp_of(level)


@given(fit_settings(), st.integers(0, 2**63 - 1))
def test_a_level_is_the_highest_whose_xp_is_reached(setting: LevelSetting, xp: int) -> None:
    levels = curve_of(setting)
    level, done, whole = levels.progress(xp)

    assert level == levels.level_of(xp)
    assert levels.xp_of(level) <= xp
    assert levels.xp_of(level) + done == xp
    assert (whole is None) == (level == levels.highest)
    assert whole is None or done < whole
    assert whole is None or levels.xp_of(level + 1) == levels.xp_of(level) + whole


@given(fit_settings())
def test_each_level_begins_exactly_at_its_xp(setting: LevelSetting) -> None:
    levels = curve_of(setting)

    assert levels.highest <= setting.highest
    for level in range(1, levels.highest + 1):
        needed = levels.xp_of(level)
        assert levels.level_of(needed) == level
        assert levels.level_of(needed - 1) == level - 1


def test_decimals_are_what_the_operator_wrote(tmp_path: Path) -> None:
    # As a float, 1.7 is a little less, so that five times as much would round down.
    levels = read(tmp_path, "total = [0, 1.7]\nhighest = 30\n").level_curve

    assert [levels.xp_of(level) for level in (1, 2, 3, 5, 10, 30)] == [2, 3, 5, 9, 17, 51]


def test_a_table_ends_the_levels(tmp_path: Path) -> None:
    levels = read(tmp_path, "table = [10, 25, 1000000000000000]\n").level_curve

    assert (levels.highest, levels.level_of(10**15 - 1), levels.level_of(10**15)) == (3, 2, 3)


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ('curve = "mee7"\n', "line 9: levels.curve must be 'amari' or 'arcane' or"),
        ("curve = 6\n", "line 9: levels.curve must be a text in quotes, not 6"),
        ("steps = [1]\n", "line 9: levels.steps is not a setting; did you mean step?"),
        (
            'curve = "mee6"\nstep = [100]\n',
            "line 10: levels: curve and step each say how much XP a level needs; keep one of them",
        ),
        ("total = 100\n", "line 9: levels.total must be a list, not 100"),
        ('step = ["100"]\n', "line 9: levels.step: item 1 must be a number, not the text '100'"),
        ("step = [1, 2, 3, 4, 5, 6]\n", "line 9: levels.step must have at most 5 numbers, not 6"),
        ("step = [nan]\n", "line 9: levels.step: item 1 must be a number"),
        ("step = [1e13]\n", "must be a number, at most 1000000000000, not 10000000000000.0"),
        (
            "total = [0, 500, -100]\n",
            "line 9: levels.total: level 3 would need 600 XP, which is not more than the 600 of",
        ),
        (
            "step = [0, 10]\n",
            "line 9: levels.step: level 1 would need 0 XP, which is not more than 0;",
        ),
        (
            "total = [0, 10]\nround_to = 100\n",
            "line 9: levels.total: level 1 would need 0 XP",
        ),
        (
            "table = [10, 10]\n",
            "line 9: levels.table: level 2 would need 10 XP, which is not more than the 10 of",
        ),
        ("table = [0]\n", "must be a whole number, at least 1, not 0"),
        ("table = [10, 25]\nround_to = 5\n", "line 10: levels.round_to needs levels.total or"),
        ("highest = 0\n", "line 9: levels.highest must be a whole number, at least 1, not 0"),
        ("highest = 20000\n", "line 9: levels.highest must be a whole number, at most 10000, not"),
        (
            "total = [0, 0, 0, 0, 1e12]\nhighest = 60\n",
            "but level 32 would need more than 1000000000000000000 XP: 31 is the most for this",
        ),
    ],
)
def test_unfit_levels_are_named_with_their_place(
    tmp_path: Path, section: str, sentence: str
) -> None:
    with pytest.raises(ConfigError) as error:
        read(tmp_path, section)

    assert sentence in str(error.value)
