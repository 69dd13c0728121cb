"""As which user an embedded server runs if we are root: never as root, and without a capability.

A server runs as the owner of its folder. If that is root, it runs as a user id that no account of
this machine has: an account such as `nobody` is shared, and each process of a shared account could
read the server's memory and data.

Such a server may not enter the private folders in which a checkout, its data and the programs of
its virtual environment can lie. So it is started within its data folder, which it knows as
/proc/self/cwd from then on, and its program is copied to where everybody can read it.
"""

import hashlib
import os
import pwd
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import psutil

from .errors import LaunchError

#: User ids that Linux distributions and systemd leave to nobody. They are below 65,536, so that
#: they exist in a container whose user ids are mapped as well.
UNUSED_UIDS = range(60_706, 61_184)
SYSTEM_UID_MAX = 999
ROOT = 0
#: Where the copies of programs are kept; only root writes there, and everybody reads.
COPIES = Path("/var/cache/twinstream")
#: How the kernel names the folder that a process was started in, whatever lies above it.
HERE = Path("/proc/self/cwd")
#: What a server needs of our environment. Our tokens are none of its business.
VARIABLES = ("PATH", "LD_LIBRARY_PATH", "TZ", "TMPDIR")


class User(NamedTuple):
    """A user id and its group id."""

    uid: int
    gid: int


def is_needed() -> bool:
    """Tell whether we are root."""
    return os.geteuid() == ROOT


def owner_of(folder: Path) -> User:
    """Return the user who runs the server of a folder."""
    found = folder.stat()
    if found.st_uid != ROOT:
        return User(found.st_uid, found.st_gid)
    uid = next(uid for uid in UNUSED_UIDS if not _has_account(uid))
    return User(uid, uid)


def with_account(user: User) -> User:
    """Return this user, or one with an account instead: some programs ask for its name.

    The account is one as which no process runs, so that none can interfere.

    Raises:
        LaunchError: there is no such account.
    """
    if _has_account(user.uid):
        return user
    processes = psutil.process_iter(["uids"])
    busy = {one.info["uids"].real for one in processes if one.info["uids"] is not None}
    for account in pwd.getpwall():
        if ROOT < account.pw_uid <= SYSTEM_UID_MAX and account.pw_uid not in busy:
            return User(account.pw_uid, account.pw_gid)
    raise LaunchError(
        "Postgres does not run as root, and no unused system account is here as which it could"
        " make its data folder: run make as an ordinary user, or set DATABASE_URL"
    )


def command_as(user: User, command: list[str]) -> list[str]:
    """Return the command that runs `command` as this user, without any capability.

    Raises:
        LaunchError: `setpriv` is not there.
    """
    if shutil.which("setpriv") is None:
        raise LaunchError(
            "the embedded servers do not run as root, and `setpriv` (util-linux) to become another"
            " user is not there: run make as an ordinary user, or set DATABASE_URL and REDIS_URL"
        )
    return [
        "setpriv",
        *(f"--reuid={user.uid}", f"--regid={user.gid}", "--clear-groups"),
        *("--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all", "--no-new-privs"),
        *command,
    ]


def give(folder: Path, user: User) -> None:
    """Make everything in a folder, and the folder itself, this user's. Links are not followed."""
    # The folder itself comes last, because its owner tells whether this was done.
    for _, _, files, here in os.fwalk(folder, topdown=False):
        for name in files:
            os.chown(name, user.uid, user.gid, dir_fd=here, follow_symlinks=False)
        os.fchown(here, user.uid, user.gid)


def environment() -> dict[str, str]:
    """Return what a server is told of our environment."""
    return {name: os.environ[name] for name in VARIABLES if name in os.environ}


def readable_copy(program: Path, copy: Callable[[Path], None]) -> Path:
    """Return a folder that every user can read, with what `copy` puts there; `program` names it.

    It is made once for each version of the program.

    Raises:
        LaunchError: the folder cannot be made.
    """
    digest = hashlib.blake2b(program.read_bytes(), digest_size=8).hexdigest()
    folder = COPIES / f"{program.name}-{digest}"
    if folder.exists():
        return folder
    try:
        COPIES.mkdir(parents=True, exist_ok=True)
        COPIES.chmod(0o755)
        made = Path(tempfile.mkdtemp(dir=COPIES, prefix="new-"))
        try:
            copy(made)
            _open_to_all(made)
            made.rename(folder)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
    except OSError as error:
        if folder.exists():  # another process was faster
            return folder
        raise LaunchError(
            f"{program.name} could not be copied to {COPIES}, where a server that is not root can"
            f" read it ({error.strerror}): run make as an ordinary user, or set DATABASE_URL and"
            " REDIS_URL"
        ) from error
    return folder


def _has_account(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _open_to_all(folder: Path) -> None:
    """Let everybody read, whatever our umask is."""
    for here, _, files in os.walk(folder):
        Path(here).chmod(0o755)
        for name in files:
            file = Path(here, name)
            if not file.is_symlink():
                file.chmod(0o755 if os.access(file, os.X_OK) else 0o644)
