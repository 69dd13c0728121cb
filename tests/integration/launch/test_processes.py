"""Child processes are watched, restarted, stopped, and never left behind."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from launch.errors import LaunchError
from launch.processes import Crew, Module
from launch.waiting import until

WAITS = "import signal; signal.sigwait([signal.SIGTERM])\n"
FALLS = "raise SystemExit(3)\n"
UNFIT = "import sys; sys.stderr.write('TELEGRAM_TOKEN is not set\\n'); raise SystemExit(2)\n"


class Said(list[str]):
    def __call__(self, line: str) -> None:
        self.append(line)


@pytest.fixture
def crew(tmp_path: Path) -> Iterator[Crew]:
    for name, text in (("waits", WAITS), ("falls", FALLS), ("unfit", UNFIT)):
        (tmp_path / f"{name}.py").write_text(text)
    crew = make_crew(tmp_path)
    yield crew
    crew.stop()


def make_crew(tmp_path: Path) -> Crew:
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    return Crew(
        environment, roster=tmp_path / "roster.json", log_folder=tmp_path / "logs", say=Said()
    )


def test_a_module_runs_with_this_python_and_stops_when_asked(crew: Crew) -> None:
    process = crew.start(Module("one", "waits"))

    assert psutil.Process(process.pid).exe() == str(Path(sys.executable).resolve())
    crew.stop()

    assert process.poll() is not None


def test_a_module_has_variables_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "tells.py").write_text("import os; print(os.environ['DATABASE_URL'])")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "DATABASE_URL": "of all"}
    crew = Crew(
        environment,
        roster=tmp_path / "roster.json",
        log_folder=tmp_path,
        own_variables={"one": {"DATABASE_URL": "of one"}},
    )

    for name in ("one", "two"):
        crew.start(Module(name, "tells")).wait(20)

    told = [(tmp_path / f"{name}.log").read_text().strip() for name in ("one", "two")]
    assert told == ["of one", "of all"]


async def test_a_dead_process_is_started_again(crew: Crew) -> None:
    first = crew.start(Module("one", "waits"))
    watching = asyncio.create_task(crew.watch())
    crew.crash("one")

    async def replaced() -> bool:
        return crew.pid("one") != first.pid and crew.is_running("one")

    await until("a new process", replaced)
    watching.cancel()


async def test_a_process_that_was_ended_stays_so_until_it_is_started(crew: Crew) -> None:
    module = Module("one", "waits")
    first = crew.start(module)
    crew.start(Module("two", "waits"))
    watching = asyncio.create_task(crew.watch())
    await crew.end("one")
    assert first.poll() is not None
    assert not crew.is_running("one")
    second = crew.pid("two")
    psutil.Process(second).kill()

    async def replaced() -> bool:
        return crew.pid("two") != second and crew.is_running("two")

    # The watch has been at work since, and let the other one be.
    await until("a new process of the other module", replaced)
    assert not crew.is_running("one")
    with pytest.raises(LaunchError, match="one is stopped"):
        crew.pid("one")
    crew.start(module)
    assert crew.is_running("one")
    watching.cancel()


async def test_a_process_that_ignores_the_signal_is_killed(
    crew: Crew, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("launch.processes.STOP_TIMEOUT_S", 0.2)
    (tmp_path / "stubborn.py").write_text(
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('ready', flush=True)\nsignal.pause()\n"
    )
    process = crew.start(Module("one", "stubborn"))

    async def ready() -> bool:
        log = crew.log_of("one")
        return log is not None and "ready" in log.read_text()

    await until("the module", ready)
    await crew.end("one")

    assert process.poll() == -signal.SIGKILL


async def test_unfit_settings_end_the_watch_with_the_output_of_the_process(crew: Crew) -> None:
    crew.start(Module("one", "unfit"))

    with pytest.raises(LaunchError, match="TELEGRAM_TOKEN is not set"):
        await asyncio.wait_for(crew.watch(), 20)


def test_processes_of_a_killed_launcher_are_stopped(crew: Crew, tmp_path: Path) -> None:
    left = crew.start(Module("one", "waits"))

    make_crew(tmp_path).stop_leftovers()

    assert left.wait(5) is not None


def test_a_process_that_reused_an_id_of_the_roster_is_not_stopped(tmp_path: Path) -> None:
    (tmp_path / "roster.json").write_text(f'{{"one": [{os.getpid()}, 1.0]}}')

    make_crew(tmp_path).stop_leftovers()
