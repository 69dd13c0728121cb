"""The image is built once, everything comes up, members play, and `down` loses nothing."""

import re
from pathlib import Path
from typing import Final

from tests.engine.deployment import Container
from tests.engine.errors import EngineError
from tests.engine.world import World

#: The line of a build that gives the image its name.
NAMED: Final = re.compile(r"naming to \S*twinstream:local")
#: Prints each file that the image's own user may not read.
HIDDEN: Final = "find /app /opt/venv ! -readable"
#: Prints each module that a start compiles.
UNCOMPILED: Final = (
    "python -v -c 'import consumers.cli, bots.telegram_bot.app, bots.discord_bot.app' 2>&1"
    r""" | grep -o "code object from .*\.py'" """
)
#: Programs that a running deployment has no use for, and an intruder has.
#: It looks for what makes one anew, too, in the whole image.
UNUSED: Final = (
    r"find / -xdev \( -name pip -o -name 'pip[-3]*' -o -name setuptools -o -name 'setuptools-*'"
    r" -o -name ensurepip \) 2> /dev/null"
)
#: Fails where no Python of the image has pip: that of our packages, and the one below it.
NO_PIP: Final = (
    "for python in python \"$(python -c 'import sys; print(sys._base_executable)')\"; do"
    ' "$python" -m pip --version && exit 0; done; exit 1'
)
#: Asks the engine for the limits of a container.
LIMITS: Final = "{{.Name}} {{.HostConfig.Memory}} {{.HostConfig.PidsLimit}}"


async def build(world: World) -> None:
    """Build the image once, from files that only their owner may read, as under umask 077."""
    files = [str(world.new.inside / name) for name in _copied(world.new.checkout)]
    await world.engine.run("chmod", "-R", "go-rwx", *files)
    said = (await world.new.compose("build")).output
    if (count := len(NAMED.findall(said))) != 1:
        raise EngineError(f"the image was built {count} times:\n{said[-2000:]}")
    dangling = (await world.engine.run("docker", "images", "-qf", "dangling=true")).output.split()
    if dangling:
        raise EngineError(f"the build left {len(dangling)} images without a name")
    hidden = await world.in_image(HIDDEN, may_fail=True)
    if hidden.code or hidden.output.strip():
        raise EngineError(f"the image's user may not read {hidden.output.strip()[:500]}")
    uncompiled = (await world.in_image(UNCOMPILED, may_fail=True)).output.splitlines()
    if uncompiled:
        raise EngineError(f"a start compiles {len(uncompiled)} modules, such as {uncompiled[:3]}")
    left = await world.in_image(UNUSED, may_fail=True)
    if left.output.strip():
        raise EngineError(f"the image has a program that nothing in it uses: {left.output.strip()}")
    pip = await world.in_image(NO_PIP, may_fail=True)
    if not pip.code or "No module named pip" not in pip.output:
        raise EngineError(f"`python -m pip` in the image answers: {pip.output.strip()}")


async def up(world: World) -> None:
    """Bring everything up; the same command once more changes nothing."""
    await world.up()
    first = await world.new.containers()
    await world.new.up()
    second = await world.new.until_well(await world.new.services())
    if changed := _changed(first, second):
        raise EngineError(f"an unchanged `up` replaced or restarted {', '.join(sorted(changed))}")
    await _see_limits(world, second)
    world.say("everything is healthy and has limits; an unchanged `up` changes nothing")
    await world.measure()


async def play(world: World) -> None:
    """Let a member earn on one platform and be seen on the other, both ways."""
    await world.up()
    await world.play()
    world.say(f"a member's books: {await world.totals()}")
    await world.prove()


async def down(world: World) -> None:
    """Remove every container and bring them back: nothing is lost, and it goes on."""
    await world.up()
    await world.play()
    before = await world.totals()
    await world.new.compose("down")
    if left := await world.new.containers():
        raise EngineError(f"`down` left {[one.service for one in left]}")
    await world.up()
    if (after := await world.totals()) != before:
        raise EngineError(f"before `down` the books were {before}, and {after} after `up`")
    await world.play()
    await world.prove()


async def _see_limits(world: World, containers: list[Container]) -> None:
    """See that the engine holds every container to an amount of memory and of processes."""
    ids = [one.id for one in containers]
    said = await world.engine.run("docker", "inspect", "--format", LIMITS, *ids)
    for line in said.output.splitlines():
        name, memory, processes = line.split()
        if int(memory) <= 0 or not processes.isdecimal() or int(processes) <= 0:
            raise EngineError(f"{name} has no limit: {memory} bytes, {processes} processes")


def _copied(checkout: Path) -> list[str]:
    """Return the files and folders that the image is made of."""
    let_through = (checkout / ".dockerignore").read_text(encoding="utf-8")
    return re.findall(r"^!(\S+)", let_through, re.MULTILINE)


def _changed(before: list[Container], after: list[Container]) -> set[str]:
    """Return the services whose processes are others than before. `migrate` runs at each `up`."""
    known = {(one.id, one.started_at) for one in before}
    return {
        one.service
        for one in after
        if (one.id, one.started_at) not in known and one.status == "running"
    } | ({one.service for one in before} - {one.service for one in after})
