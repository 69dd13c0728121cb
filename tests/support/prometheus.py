"""A real Prometheus on the rules of deploy/, with times short enough for a test."""

import asyncio
import contextlib
import re
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import aiohttp
import yaml

from launch.servers import free_port
from tests.support.alert_rules import ALERTS
from tests.support.patience import PATIENCE_S

#: Seconds for the longest time over which a rule counts, instead of minutes and hours.
RANGE_S: Final = 30
#: Seconds for the others at least: some scrapes.
RANGE_S_MIN: Final = 6
#: Seconds between two scrapes, and for each: a busy machine answers late.
SCRAPE_S: Final = 2
#: Seconds after which a look at the alerts is repeated.
LOOK_AGAIN_S: Final = 0.5
_RANGE: Final = re.compile(r"(\[|offset )(\d+)([smhd])")
#: How young a process is whose first count is news.
_YOUNG: Final = re.compile(r"(process_start_time_seconds < )\d+")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def prometheus_binary() -> str | None:
    """Return the program, if this machine has it."""
    return shutil.which("prometheus")


def shortened(expression: str, range_s: int) -> str:
    """Return an expression that looks back `range_s` seconds at most. Nothing else is changed."""
    spans = [int(number) * _SECONDS[unit] for _, number, unit in _RANGE.findall(expression)]
    scale = range_s / max(spans, default=range_s)

    def short(found: re.Match[str]) -> str:
        seconds = int(found[2]) * _SECONDS[found[3]] * scale
        return f"{found[1]}{round(max(seconds, RANGE_S_MIN))}s"

    return _YOUNG.sub(rf"\g<1>{range_s}", _RANGE.sub(short, expression))


class Prometheus:
    """A running Prometheus."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session
        #: Every alert that was seen to fire, and those that then ended.
        self.fired: set[str] = set()
        self.ended: set[str] = set()

    async def query(self, expression: str) -> dict[str, Any]:
        """Return the answer of the HTTP API: `status`, and `data` or `error`."""
        return await self._get("query", query=expression)

    async def values(self, expression: str) -> list[float]:
        """Return the values of an expression now."""
        answer = await self.query(expression)
        assert answer["status"] == "success", answer
        return [float(one["value"][1]) for one in answer["data"]["result"]]

    async def firing(self) -> set[str]:
        """Return the names of the alerts that fire now."""
        answer = await self._get("alerts")
        found = {
            one["labels"]["alertname"]
            for one in answer["data"]["alerts"]
            if one["state"] == "firing"
        }
        self.fired |= found
        return found

    async def fires(self, *names: str) -> None:
        """Return once each of these alerts has been seen to fire."""
        missing = set(names)
        async with self._patience(f"{missing} did not fire"):
            while missing:
                missing -= await self.firing()
                await asyncio.sleep(LOOK_AGAIN_S)

    async def ends(self, *names: str) -> None:
        """Return once none of these alerts fires."""
        async with self._patience(f"one of {names} did not end"):
            while set(names) & await self.firing():  # noqa: ASYNC110 - another process tells
                await asyncio.sleep(LOOK_AGAIN_S)
        self.ended |= set(names) & self.fired

    async def sees(self, expression: str, *values: float) -> None:
        """Return once an expression has these values, in any order."""
        async with self._patience(f"{expression} did not become {values}"):
            while sorted(await self.values(expression)) != sorted(values):  # noqa: ASYNC110
                await asyncio.sleep(LOOK_AGAIN_S)

    async def judges_for(self, seconds: float) -> None:
        """Return once the rules were judged for so long, by Prometheus's own clock."""
        begun = await self._judged_at()
        async with self._patience("the rules are not judged"):
            while await self._judged_at() < begun + seconds:
                await self.firing()
                await asyncio.sleep(LOOK_AGAIN_S)

    async def _judged_at(self) -> float:
        answer = await self._get("rules")
        [group] = answer["data"]["groups"]
        judged = str(group["lastEvaluation"])
        # Nanoseconds are too fine for Python, and the zone does not matter for a difference.
        return datetime.fromisoformat(judged[:19] + "+00:00").timestamp()

    @contextlib.asynccontextmanager
    async def _patience(self, what: str) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(PATIENCE_S + RANGE_S):
                yield
        except TimeoutError:
            raise AssertionError(f"{what}; firing: {await self.firing()}") from None

    async def _get(self, path: str, **query: str) -> dict[str, Any]:
        async with self._session.get(f"{self._url}/api/v1/{path}", params=query) as answer:
            found: dict[str, Any] = await answer.json()
            return found


@contextlib.asynccontextmanager
async def running_prometheus(
    binary: str, folder: Path, targets: Sequence[str], *, for_s: int = 1, range_s: int = RANGE_S
) -> AsyncIterator[Prometheus]:
    """Scrape these targets every SCRAPE_S seconds, and judge the rules of deploy/ each second.

    Of the rules only durations are shortened: `for` is `for_s` where there is one, and a rule looks
    back for `range_s` at most. Every comparison stays as it is.
    """
    _write_settings(folder, targets, for_s, range_s)
    port = free_port()
    log = (folder / "prometheus.log").open("wb")
    process = await asyncio.create_subprocess_exec(
        binary,
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
        stdout=log,
        stderr=log,
    )
    try:
        async with aiohttp.ClientSession() as session, asyncio.timeout(PATIENCE_S):
            while not await _is_ready(session, port):
                assert process.returncode is None, (folder / "prometheus.log").read_text()
                await asyncio.sleep(LOOK_AGAIN_S)
        async with aiohttp.ClientSession() as session:
            yield Prometheus(f"http://127.0.0.1:{port}", session)
    finally:
        log.close()
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _is_ready(session: aiohttp.ClientSession, port: int) -> bool:
    try:
        async with session.get(f"http://127.0.0.1:{port}/-/ready") as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


def _write_settings(folder: Path, targets: Sequence[str], for_s: int, range_s: int) -> None:
    rules = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))
    for group in rules["groups"]:
        for rule in group["rules"]:
            rule["expr"] = shortened(rule["expr"], range_s)
            if "for" in rule:
                rule["for"] = f"{for_s}s"
    settings: Mapping[str, Any] = {
        "global": {
            "scrape_interval": f"{SCRAPE_S}s",
            "scrape_timeout": f"{SCRAPE_S}s",
            "evaluation_interval": "1s",
        },
        "rule_files": ["alerts.yml"],
        "scrape_configs": [
            {"job_name": "twinstream", "static_configs": [{"targets": list(targets)}]}
        ],
    }  # fmt: skip
    for name, content in (("alerts.yml", rules), ("prometheus.yml", settings)):
        (folder / name).write_text(yaml.safe_dump(content), encoding="utf-8")
