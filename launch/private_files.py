"""Folders and files of ours that no other user of this machine may read."""

import os
import secrets
import tempfile
from pathlib import Path

FOLDER_MODE = 0o700
PASSWORD_BYTES = 24


def make_folder(folder: Path) -> None:
    """Make a folder that only its owner may enter. One that is there already is closed."""
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    if folder.stat().st_mode & 0o777 != FOLDER_MODE:
        folder.chmod(FOLDER_MODE)


def write(path: Path, content: bytes) -> None:
    """Write a file with mode 0600. A reader finds the old content or the new, and never a part.

    The file belongs to the owner of its folder: root may start what that user runs later.
    """
    handle, made = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            if os.geteuid() == 0:
                owner = path.parent.stat()
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
        Path(made).replace(path)
    except BaseException:
        Path(made).unlink(missing_ok=True)
        raise


def new_password() -> str:
    """Return a password that stands in a URL, in SQL and in a configuration file as it is."""
    return secrets.token_hex(PASSWORD_BYTES)


def read_password(path: Path) -> str | None:
    """Return the password that a file holds, or None if there is none."""
    try:
        return path.read_text(encoding="ascii").strip() or None
    except FileNotFoundError:
        return None
