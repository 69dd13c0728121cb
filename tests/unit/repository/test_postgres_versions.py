"""`make nightly` runs the tests of the database on every Postgres that twinstream promises."""

import re
from pathlib import Path

from launch.postgres_schema import POSTGRES_MIN
from tests.support.postgres_programs import RELEASES, wheel_major

ROOT = Path(__file__).parents[3]


def test_every_promised_version_has_programs():
    assert [*RELEASES, wheel_major()] == list(range(POSTGRES_MIN, wheel_major() + 1))


def test_each_release_is_of_its_version():
    assert all(one.version.startswith(f"{major}.") for major, one in RELEASES.items())


def test_the_nightly_run_takes_every_version():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    [versions] = re.findall(r"for version in ([\d ]+); do", makefile)

    assert versions.split() == [str(major) for major in [*RELEASES, wheel_major()]]


def test_the_readme_names_the_oldest_version():
    assert f"Postgres {POSTGRES_MIN} or newer" in (ROOT / "README.md").read_text(encoding="utf-8")
