"""The lock that lets one launcher at a time use a folder."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from .errors import AlreadyRunning


@contextlib.contextmanager
def only_launcher(folder: Path) -> Iterator[None]:
    """Lock the folder. The kernel releases the lock when the process ends, however it ends.

    Raises:
        AlreadyRunning: another launcher uses the folder.
    """
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyRunning(
                f"twinstream already runs in {folder}: stop it first,"
                " or choose another folder with TWINSTREAM_RUN_DIR"
            ) from error
        yield
