"""Folders, files and passwords that no other user of this machine may read."""

import os
import secrets
import tempfile
from pathlib import Path

FOLDER_MODE = 0o700
PASSWORD_BYTES = 24


def make_folder(folder: Path) -> None:
    """Create a folder with mode 0700. An existing folder gets that mode."""
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    if folder.stat().st_mode & 0o777 != FOLDER_MODE:
        folder.chmod(FOLDER_MODE)


def write(path: Path, content: bytes) -> None:
    """Write a file with mode 0600, atomically: a reader finds the old content or the new one.

    The file belongs to the owner of its folder, because root may start today what that user runs
    later.
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
    """Return a random password that needs no escaping in a URL, in SQL or in a settings file."""
    return secrets.token_hex(PASSWORD_BYTES)


def read_password(path: Path) -> str | None:
    """Return the password in a file, or None if the file is missing or empty."""
    try:
        return path.read_text(encoding="ascii").strip() or None
    except FileNotFoundError:
        return None
