"""How embedded servers give up root: which user runs them, and where their programs lie.

An ordinary user runs the servers as themselves, and nothing here applies. Root cannot: Postgres
refuses to start as root, and a server with root's rights would lend them to anyone who takes it
over. So under root, these rules hold:

- User. A server runs as the owner of its folder. If that is root, it runs as a user id without an
  account. An account such as `nobody` is shared, and every process of a shared account could read
  the server's memory and data.
- Capabilities. `setpriv` drops all of them and all groups, and forbids gaining new privileges.
- Data folder. That user may not enter the private folders above the data, such as a checkout in
  root's home. The server is therefore started inside its data folder. Postgres inherits a
  descriptor of the folder too, and uses the path /proc/self/fd/N for it: up to version 15 its
  programs leave the working folder to look for one another, and cannot come back.
- Programs. The virtual environment can lie in such a private folder too. The server's programs are
  therefore copied, once per version, to /var/cache/twinstream, which every user can read.
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

#: User ids that neither Linux distributions nor systemd assign. They are below 65,536, so that
#: they also exist in a container with mapped user ids.
UNUSED_UIDS = range(60_706, 61_184)
#: The highest user id of a system account (useradd's default).
SYSTEM_UID_MAX = 999
ROOT = 0
#: The folder of the copied programs: root writes to it, every user reads it.
COPIES = Path("/var/cache/twinstream")
#: The kernel's paths to what a process has opened. They work without access to the parents.
DESCRIPTORS = Path("/proc/self/fd")
#: The variables that a server inherits. Everything else, such as bot tokens, is withheld.
VARIABLES = ("PATH", "LD_LIBRARY_PATH", "TZ", "TMPDIR")


class User(NamedTuple):
    """A user id and its group id."""

    uid: int
    gid: int


def is_needed() -> bool:
    """Tell whether this process is root, so that a server must drop its privileges."""
    return os.geteuid() == ROOT


def notice() -> str | None:
    """Say what root should know that starts our processes; None for an ordinary user.

    Only the servers change their user: bots and consumers read the checkout, its environment and
    the settings, which may be private to root.
    """
    if not is_needed():
        return None
    return (
        "You are root, so the bots and the consumers run as root; only servers that are started"
        " here do not. Better run make as an ordinary user that owns this checkout, or use Compose."
    )


def owner_of(folder: Path) -> User:
    """Return the user as whom the server of a folder runs."""
    found = folder.stat()
    if found.st_uid != ROOT:
        return User(found.st_uid, found.st_gid)
    uid = next(uid for uid in UNUSED_UIDS if not _has_account(uid))
    return User(uid, uid)


def with_account(user: User) -> User:
    """Return this user, or one that has an account: initdb looks up the name of its user.

    The account is a system account without processes, so that none can interfere.

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
        "Postgres refuses to run as root, and this machine has no unused system account that could"
        " create its data folder: run make as an ordinary user, or set DATABASE_URL"
    )


def command_as(user: User, command: list[str]) -> list[str]:
    """Return the command that runs `command` as this user, without any capability.

    Raises:
        LaunchError: `setpriv` is not installed.
    """
    if shutil.which("setpriv") is None:
        raise LaunchError(
            "the embedded servers do not run as root, and `setpriv` (util-linux), which switches to"
            " another user, is not installed: run make as an ordinary user, or set DATABASE_URL"
            " and REDIS_URL"
        )
    return [
        "setpriv",
        *(f"--reuid={user.uid}", f"--regid={user.gid}", "--clear-groups"),
        *("--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all", "--no-new-privs"),
        *command,
    ]


def give(folder: Path, user: User) -> None:
    """Change the owner of a folder and of everything in it. Links are not followed."""
    # The folder itself comes last: its owner tells whether an earlier call was completed.
    for _, _, files, here in os.fwalk(folder, topdown=False):
        for name in files:
            os.chown(name, user.uid, user.gid, dir_fd=here, follow_symlinks=False)
        os.fchown(here, user.uid, user.gid)


def environment() -> dict[str, str]:
    """Return the environment of a server: VARIABLES as far as they are set."""
    return {name: os.environ[name] for name in VARIABLES if name in os.environ}


def readable_copy(program: Path, copy: Callable[[Path], None]) -> Path:
    """Return a folder that every user can read, filled by `copy`.

    The folder is made once per version of `program`: its name holds a digest of the file.

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
        if folder.exists():  # another process made it meanwhile
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
    """Let every user read the folder, whatever our umask is."""
    for here, _, files in os.walk(folder):
        Path(here).chmod(0o755)
        for name in files:
            file = Path(here, name)
            if not file.is_symlink():
                file.chmod(0o755 if os.access(file, os.X_OK) else 0o644)
