"""Secrets in files: NAME_FILE holds the path of a file with the value of NAME.

Docker and systemd hand secrets over as files (/run/secrets/..., $CREDENTIALS_DIRECTORY). A file is
read once, when a process begins. No error repeats what a file holds.
"""

import errno
import os
import stat
from collections.abc import Mapping
from typing import Final

from .errors import ConfigError

SUFFIX: Final = "_FILE"
#: Bytes of a file at most. An address or a token has less than one KiB, and /dev/zero never ends.
BYTES_MAX: Final = 16 * 1024


def secret_setting(environ: Mapping[str, str], name: str) -> str:
    """Return a secret from the variable of this name, or from the file that NAME_FILE names.

    Returns "" if neither is set; an empty variable counts as unset.

    Raises:
        ConfigError: both are set, or the file cannot be used.
    """
    value = environ.get(name, "").strip()
    path = environ.get(name + SUFFIX, "").strip()
    if value and path:
        raise ConfigError(f"settings: {name} and {name}{SUFFIX} are both set; unset one of them")
    return _read(name + SUFFIX, path) if path else value


def in_place_of(environ: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str]:
    """Return an environment with these values, without files that would hold them as well."""
    files = {name + SUFFIX for name in values}
    return {**{name: one for name, one in environ.items() if name not in files}, **values}


def defaults_for(environ: Mapping[str, str], found: Mapping[str, str | None]) -> dict[str, str]:
    """Return what a file of defaults, such as `.env`, adds to an environment.

    A secret that the environment gives in one of the two ways is not added in the other one.
    """
    return {
        name: value
        for name, value in found.items()
        if value and name not in environ and not environ.get(_other_way(name))
    }


def _other_way(name: str) -> str:
    return name.removesuffix(SUFFIX) if name.endswith(SUFFIX) else name + SUFFIX


def _read(variable: str, written: str) -> str:
    """Return what a file holds, without the line break at its end.

    Only an absolute path is repeated in an error: the variable may hold the secret by mistake, and
    no secret begins with a slash.
    """
    is_shown = written.startswith("/")
    try:
        return _content(written)
    except _Unfit as unfit:
        why = str(unfit)
    except PermissionError:
        why = f"user {os.geteuid()} may not read"
    except (OSError, ValueError) as error:  # of a path with a NUL
        if not is_shown:
            raise ConfigError(
                f"settings: {variable} does not name a file; it takes the path of a file, not the"
                " secret itself"
            ) from None
        is_absent = isinstance(error, FileNotFoundError | NotADirectoryError)
        number = getattr(error, "errno", None) or errno.EINVAL
        why = "does not exist" if is_absent else f"cannot be read: {os.strerror(number).lower()}"
    raise ConfigError(
        f"settings: {variable} names {written if is_shown else 'a file'}, which {why}"
    )


class _Unfit(Exception):
    """A file is there and holds no secret; the text continues "a file, which ..."."""


def _content(path: str) -> str:
    # Without waiting for a pipe that has no writer.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise _Unfit("is a directory; name the file in it")
        if not stat.S_ISREG(mode):
            raise _Unfit("is no ordinary file")
        content = os.read(descriptor, BYTES_MAX + 1)
    finally:
        os.close(descriptor)
    if len(content) > BYTES_MAX:
        raise _Unfit(f"holds more than {BYTES_MAX // 1024} KiB; is it the right file?")
    try:
        text = content.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise _Unfit("is not text in UTF-8") from None
    if not text:
        raise _Unfit("is empty")
    if len(text.splitlines()) > 1:
        raise _Unfit("holds several lines; write the secret and nothing else into it")
    return text
