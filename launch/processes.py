"""Our child processes: started, watched, restarted when they end, and stopped together."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import psutil

from .errors import LaunchError

#: Seconds between SIGTERM and SIGKILL; our processes end within a few seconds of SIGTERM.
STOP_TIMEOUT_S = 15.0
#: Seconds between two checks whether a process has ended.
WATCH_S = 0.2
#: Seconds before the first restart; doubled for each further one, up to RESTART_MAX_S.
RESTART_FIRST_S = 1.0
RESTART_MAX_S = 30.0
#: A process that ran for this many seconds was healthy: its next delay is RESTART_FIRST_S again.
SETTLED_S = 60.0

#: Exit code of our processes for settings that must be corrected; a restart would not help.
EXIT_CODE_UNFIT_SETTINGS = 2


class Module(NamedTuple):
    """A Python module to run as a process."""

    name: str
    module: str
    arguments: tuple[str, ...] = ()


class Crew:
    """A group of child processes. Each has its own session, so Ctrl-C reaches only the launcher.

    With `log_folder` None the processes write to the launcher's terminal. `roster` is a file that
    lists the running processes, so that the next launcher can stop those of a killed launcher.
    `own_variables` are variables of the environment that one module has otherwise, by its name.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        roster: Path,
        log_folder: Path | None,
        own_variables: Mapping[str, Mapping[str, str]] | None = None,
        say: Callable[[str], None] = print,
    ) -> None:
        self._environment = dict(environment)
        self._roster = roster
        self._log_folder = log_folder
        self._own_variables = own_variables or {}
        self._say = say
        self._modules: dict[str, Module] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def stop_leftovers(self) -> None:
        """Stop the processes that an earlier launcher left running because it was killed."""
        try:
            known = json.loads(self._roster.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return
        for pid, created in known.values():
            try:
                process = psutil.Process(pid)
                if process.create_time() == created:
                    process.kill()
                    process.wait(STOP_TIMEOUT_S)
            except psutil.NoSuchProcess:
                continue
        self._roster.unlink(missing_ok=True)

    def start(self, module: Module, *, pipe: bool = False) -> subprocess.Popen[bytes]:
        """Start a module as a process. With `pipe`, its standard output can be read."""
        process = self._spawn(module, pipe)
        self._modules[module.name] = module
        self._processes[module.name] = process
        self._write_roster()
        return process

    def pid(self, name: str) -> int:
        """Return the current process id of a module.

        Raises:
            LaunchError: the module was ended or killed.
        """
        if name not in self._processes:
            raise LaunchError(f"{name} is stopped; start it first")
        return self._processes[name].pid

    def is_running(self, name: str) -> bool:
        """Tell whether a module's process is alive. One that was ended or killed is not."""
        process = self._processes.get(name)
        return process is not None and process.poll() is None

    def kill(self, name: str) -> None:
        """Kill a module's process (SIGKILL), as the kernel does when memory runs out."""
        process = self._processes.pop(name)
        del self._modules[name]
        process.kill()
        process.wait()

    async def end(self, name: str) -> None:
        """Stop a module's process as `stop` does. Only `start` starts it again."""
        process = self._processes.pop(name)
        del self._modules[name]
        process.terminate()
        await asyncio.to_thread(self._wait_for_end, name, process)
        self._write_roster()

    def crash(self, name: str) -> None:
        """Kill a module's process (SIGKILL), which `watch` starts again."""
        self._processes[name].kill()

    async def watch(self) -> None:
        """Restart processes that have ended, after growing delays, until cancelled.

        Raises:
            LaunchError: a process ended because its settings must be corrected.
        """
        loop = asyncio.get_running_loop()
        delays: dict[str, float] = {}
        started = dict.fromkeys(self._modules, loop.time())
        due: dict[str, float] = {}
        while True:
            await asyncio.sleep(WATCH_S)
            # A module that was ended for good meanwhile is not due any more.
            due = {name: at for name, at in due.items() if name in self._processes}
            for name, process in list(self._processes.items()):
                code = process.poll()
                if code is None:
                    continue
                if code == EXIT_CODE_UNFIT_SETTINGS:
                    raise LaunchError(
                        f"{name} cannot start with these settings{self._log_tail(name)}"
                    )
                now = loop.time()
                if name not in due:
                    lived = now - started.get(name, now)
                    delay = RESTART_FIRST_S if lived > SETTLED_S else delays.get(name, 0.0)
                    delay = min(max(delay, RESTART_FIRST_S), RESTART_MAX_S)
                    delays[name], due[name] = delay * 2, now + delay
                    self._say(f"{name} ended ({_ending(code)}), starting again in {delay:.0f} s")
                elif now >= due[name]:
                    del due[name]
                    started[name] = now
                    self.start(self._modules[name])

    def stop(self) -> None:
        """Send SIGTERM, the newest process first; kill those still running after STOP_TIMEOUT_S."""
        for name in reversed(self._processes):
            process = self._processes[name]
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for name, process in self._processes.items():
            self._wait_for_end(name, process)
        self._processes.clear()
        self._modules.clear()
        self._roster.unlink(missing_ok=True)

    def _wait_for_end(self, name: str, process: subprocess.Popen[bytes]) -> None:
        """Wait for a process that was asked to end; kill it after STOP_TIMEOUT_S."""
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._say(f"{name} did not stop in {STOP_TIMEOUT_S:.0f} s and was killed")
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()

    def log_of(self, name: str) -> Path | None:
        """Return the log file of a module, or None if it writes to the terminal."""
        return None if self._log_folder is None else self._log_folder / f"{name}.log"

    def _spawn(self, module: Module, pipe: bool) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", module.module, *module.arguments]
        environment = {**self._environment, **self._own_variables.get(module.name, {})}
        log = self.log_of(module.name)
        if log is None:
            return subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if pipe else None,
                start_new_session=True,
            )
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            return subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if pipe else output,
                stderr=output,
                start_new_session=True,
            )

    def _write_roster(self) -> None:
        self._roster.parent.mkdir(parents=True, exist_ok=True)
        known = {}
        for name, process in self._processes.items():
            if process.poll() is None:
                known[name] = (process.pid, psutil.Process(process.pid).create_time())
        self._roster.write_text(json.dumps(known))

    def _log_tail(self, name: str) -> str:
        log = self.log_of(name)
        if log is None:
            return ""
        lines = log.read_text(errors="replace").strip().splitlines()[-3:]
        return ":\n" + "\n".join(lines)


def _ending(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
