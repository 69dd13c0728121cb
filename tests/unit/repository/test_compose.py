"""compose.yaml and the Dockerfile keep their promises; production is no place to find out."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from config import Settings
from config.heartbeat import HEARTBEAT_S
from consumers.runtime.operator_commands import (
    COMPOSE_COMMAND,
    COMPOSE_PSQL,
    COMPOSE_REDIS,
    Place,
)
from consumers.runtime.roles import ROLES
from launch.__main__ import PASSWORDS

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "compose.yaml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
INSTRUCTIONS = [
    line.split(maxsplit=1) for line in DOCKERFILE.splitlines() if line and not line.startswith("#")
]

SERVERS = ("redis", "postgres")
CONSUMERS = ("to-discord", "to-telegram", "consumers")
#: The roles that the process of neither direction runs.
KEPT = [name for name in ROLES if not {name, "to-" + name.partition("-")[0]} & {*CONSUMERS}]
PROCESSES = {
    "telegram-bot": ["python", "-m", "bots.telegram_bot"],
    "discord-bot": ["python", "-m", "bots.discord_bot"],
    "to-discord": ["python", "-m", "consumers", "to-discord", "discord-roles"],
    "to-telegram": ["python", "-m", "consumers", "to-telegram", "telegram-tags"],
    "consumers": ["python", "-m", "consumers", *KEPT],
}
VARIABLE = re.compile(r"\$\{(\w+)(?:(:[?+-])([^}]*))?\}")
FORGOTTEN_LIST = "/app/forgotten.jsonl"
#: A version to the patch and what it is built on: an image that does not change under one's feet.
PINNED = re.compile(r"[a-z]+:\d+\.\d+(\.\d+)?-[a-z]+[a-z0-9.-]*")


def options(command: list[str]) -> dict[str, str]:
    return dict(zip(command[1::2], command[2::2], strict=True))


def test_it_is_a_compose_file():
    schema = ["--builtin-schema", "vendor.compose-spec"]
    checked = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", *schema, str(ROOT / "compose.yaml")],
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "version" not in COMPOSE


def test_it_runs_what_we_have_and_nothing_else():
    assert set(SERVICES) == {*SERVERS, *PROCESSES, "migrate"}
    for service, command in PROCESSES.items():
        assert SERVICES[service]["command"] == command
        assert (ROOT / command[2].replace(".", "/") / "__main__.py").exists()
    assert SERVICES["migrate"]["command"] == [
        *("sh", "-c"),
        "python -m launch check && python -m launch migrate && python -m launch roles --logins",
    ]
    assert (ROOT / "launch/__main__.py").exists()


@pytest.mark.parametrize("server", SERVERS)
def test_a_server_is_pinned_checked_kept_and_private(server):
    service = SERVICES[server]

    assert PINNED.fullmatch(service["image"])
    assert {"test", "interval", "timeout", "retries"} <= service["healthcheck"].keys()
    assert any(name.split(":")[0] in COMPOSE["volumes"] for name in service["volumes"])


@pytest.mark.parametrize("process", PROCESSES)
def test_a_process_shows_that_it_is_alive(process):
    service = SERVICES[process]

    assert service["environment"]["TWINSTREAM_HEARTBEAT_FILE"] in service["healthcheck"]["test"][1]
    oldest_s = re.search(r'-newermt "-(\d+) seconds"', service["healthcheck"]["test"][1])
    assert oldest_s is not None
    assert int(oldest_s[1]) >= 3 * HEARTBEAT_S


def test_no_port_is_open_to_the_world():
    published = [port for service in SERVICES.values() for port in service.get("ports", ())]

    assert published
    for port in published:
        assert port.startswith("127.0.0.1:")


def test_redis_forgets_nothing():
    given = options(SERVICES["redis"]["command"])

    assert given["--appendonly"] == "yes"
    assert given["--appendfsync"] == "everysec"
    assert given["--maxmemory-policy"] == "noeviction"
    assert given["--maxmemory"].endswith(("mb", "gb"))


def test_postgres_keeps_its_data_where_version_18_puts_it():
    assert SERVICES["postgres"]["image"].startswith("postgres:18.")
    assert "postgres-data:/var/lib/postgresql" in SERVICES["postgres"]["volumes"]


@pytest.mark.parametrize("process", PROCESSES)
def test_a_process_waits_until_its_servers_are_healthy_and_the_schema_is_there(process):
    assert SERVICES[process]["depends_on"] == {
        "redis": {"condition": "service_healthy"},
        "postgres": {"condition": "service_healthy"},
        "migrate": {"condition": "service_completed_successfully"},
    }


def test_the_migration_runs_once():
    assert SERVICES["migrate"]["restart"] == "no"
    assert SERVICES["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}


@pytest.mark.parametrize("name", [*SERVERS, *PROCESSES])
def test_what_should_run_comes_back_and_is_given_time_to_stop(name):
    assert SERVICES[name]["restart"] == "unless-stopped"
    assert int(SERVICES[name]["stop_grace_period"].removesuffix("s")) >= 30
    assert SERVICES[name]["logging"]["options"]["max-size"]


@pytest.mark.parametrize("name", [*PROCESSES, "migrate"])
def test_our_processes_can_change_nothing_in_their_container(name):
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["init"] is True
    assert service["image"] == SERVICES["consumers"]["image"]
    writable = {one["target"] for one in service["volumes"] if not one["read_only"]}
    assert writable == ({FORGOTTEN_LIST} if "forgetting" in service["command"] else set())


@pytest.mark.parametrize("name", [*PROCESSES, "migrate"])
def test_a_list_of_the_forgotten_in_env_is_given_to_every_process(name):
    """Where .env names none, there is nothing to read, and no process looks for one."""
    service = SERVICES[name]
    [given] = [one for one in service["volumes"] if one["target"] == FORGOTTEN_LIST]

    assert given["source"] == "${TWINSTREAM_FORGOTTEN_LIST:-/dev/null}"
    assert given["bind"] == {"create_host_path": False}
    assert service["environment"]["TWINSTREAM_FORGOTTEN_LIST"] == (
        f"${{TWINSTREAM_FORGOTTEN_LIST:+{FORGOTTEN_LIST}}}"
    )


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_takes_all_of_the_machine(name):
    """Memory and processes; a process of ours takes one processor and leaves the others."""
    service = SERVICES[name]

    assert megabytes(service["mem_limit"]) >= 512
    assert 64 <= service["pids_limit"] <= 512
    assert ("cpus" in service) == (name not in SERVERS)
    # Docker refuses more processors than the machine has.
    assert service.get("cpus", 1) <= 1


def test_the_limits_leave_the_servers_what_they_are_told_to_use():
    """A server that its limit ends is worse than one without."""
    redis, postgres = SERVICES["redis"], SERVICES["postgres"]
    settings = dict(one.split("=") for one in postgres["command"] if "=" in one)
    shared = megabytes(settings["shared_buffers"]) + megabytes(postgres["shm_size"])

    # A page that is written while a child writes the append-only file exists twice.
    assert megabytes(redis["mem_limit"]) > 2 * megabytes(options(redis["command"])["--maxmemory"])
    assert megabytes(postgres["mem_limit"]) >= 2 * shared


def megabytes(amount: str) -> int:
    [(number, unit)] = re.findall(r"^(\d+)([mg])b?$", amount.lower())
    return int(number) * (1024 if unit == "g" else 1)


def test_our_processes_know_that_compose_runs_them():
    """Their screens then name commands that work outside of the containers."""
    for name in (*PROCESSES, "migrate"):
        assert SERVICES[name]["environment"]["TWINSTREAM_DEPLOYMENT"] == Place.COMPOSE.value


@pytest.mark.parametrize(
    "beginning", [COMPOSE_COMMAND, COMPOSE_PSQL, COMPOSE_REDIS], ids=["command", "psql", "redis"]
)
def test_what_screens_tell_to_type_fits_the_services(beginning):
    words = beginning.split()

    assert words[:3] == ["docker", "compose", "exec"]
    assert words[3] in SERVICES
    if "-U" in words:
        assert words[-1] == SERVICES["postgres"]["environment"]["POSTGRES_USER"]


def test_one_service_builds_the_image_and_the_others_only_run_it():
    """Each `build` under the same tag would build again, and recreate what runs already."""
    ours = {name: SERVICES[name] for name in (*PROCESSES, "migrate")}

    assert [name for name, service in ours.items() if "build" in service] == ["migrate"]
    assert len({service["image"] for service in ours.values()}) == 1
    # No registry has this image; asking one would fail, or bring a stranger's.
    assert {service.get("pull_policy") for service in ours.values()} == {"never"}


def test_every_process_is_given_settings_that_exist():
    """A misspelt one would stop the process at its start."""
    known = {*Settings.variables(), *PASSWORDS}

    for name in (*PROCESSES, "migrate"):
        assert SERVICES[name]["environment"].keys() <= known


def test_a_bot_holds_its_own_platforms_token_only():
    assert "DISCORD_TOKEN" not in SERVICES["telegram-bot"]["environment"]
    assert "TELEGRAM_TOKEN" not in SERVICES["discord-bot"]["environment"]


def test_a_consumer_of_a_stream_holds_the_token_of_the_platform_that_it_writes_to():
    assert "TELEGRAM_TOKEN" not in SERVICES["to-discord"]["environment"]
    assert "DISCORD_TOKEN" not in SERVICES["to-telegram"]["environment"]


def test_every_role_of_the_consumers_runs_once():
    run = [role for name in CONSUMERS for role in SERVICES[name]["command"][3:]]

    assert sorted(run) == sorted(ROLES)


def test_no_secret_has_a_default_and_a_missing_one_is_explained():
    secrets = {
        name: (operator, said)
        for service in SERVICES.values()
        for value in service.get("environment", {}).values()
        for name, operator, said in VARIABLE.findall(value)
        if name.endswith(("TOKEN", "PASSWORD", "SECRET"))
    }

    assert len(secrets) == 15
    for operator, said in secrets.values():
        assert operator == ":?"
        assert said.startswith("set it in .env, ")


def test_the_example_of_env_names_every_variable():
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    named = set(re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE))
    required = set(re.findall(r"^([A-Z_]+)=", example, re.MULTILINE))
    used = {name: operator for name, operator, _ in VARIABLE.findall(TEXT) if operator}

    assert set(used) <= named
    assert required == {name for name, operator in used.items() if operator == ":?"}


def test_each_process_comes_to_redis_as_a_user_of_its_own():
    users = re.findall(r"^user (\S+) on", COMPOSE["configs"]["redis-acl"]["content"], re.MULTILINE)

    assert sorted(users) == sorted(["default", "operator", *PROCESSES])
    for process in PROCESSES:
        assert SERVICES[process]["environment"]["REDIS_URL"].startswith(f"redis://{process}:${{")
    config = SERVICES["redis"]["configs"][0]
    assert options(SERVICES["redis"]["command"])["--aclfile"] == config["target"]


def test_the_operator_types_no_password_of_redis():
    """redis-cli reads it from the environment of the container."""
    given = SERVICES["redis"]["environment"]["REDISCLI_AUTH"]
    acl = COMPOSE["configs"]["redis-acl"]["content"]

    assert given.startswith("${REDIS_OPERATOR_PASSWORD:?")
    assert "user operator on >${REDIS_OPERATOR_PASSWORD} " in acl
    assert COMPOSE_REDIS.endswith("redis-cli --user operator")
    # With a password and without a user, redis-cli would log in as the default user, who has none.
    assert "redis-cli --user operator ping" in SERVICES["redis"]["healthcheck"]["test"][1]


def test_a_changed_password_of_redis_replaces_its_container():
    """Compose compares the environment of a container, but not the text of its configs."""
    acl = COMPOSE["configs"]["redis-acl"]["content"]

    assert acl in SERVICES["redis"]["environment"].values()


def test_each_process_comes_to_postgres_as_a_login_of_its_own():
    """Only the migration has the superuser's password."""
    for variable, duty in PASSWORDS.items():
        [process] = [name for name in PROCESSES if name.replace("-", "_") == duty]
        address = SERVICES[process]["environment"]["DATABASE_URL"]

        assert address.startswith(f"postgresql://twinstream_{duty}_login:${{{variable}:?")
        assert "POSTGRES_PASSWORD" not in str(SERVICES[process])
        assert variable in SERVICES["migrate"]["environment"]


def test_the_image_is_pinned_and_tested_with_the_same_python():
    images = [words[1].split()[0] for words in INSTRUCTIONS if words[0] == "FROM"]

    assert len(images) == 2
    assert len(set(images)) == 1
    assert PINNED.fullmatch(images[0])
    assert "-slim-" in images[0]
    assert images[0].startswith("python:3.11.")


def test_the_image_has_no_pip():
    """`make engine-test` looks for one; this says everywhere that both parts are removed."""
    last = [number for number, words in enumerate(INSTRUCTIONS) if words[0] == "FROM"][-1]
    runs = [words[1] for words in INSTRUCTIONS[last:] if words[0] == "RUN"]
    [removes] = [run for run in runs if "rm -rf" in run]

    assert "pip uninstall --quiet --yes setuptools pip" in DOCKERFILE  # of /opt/venv
    # Of Python's image: its packages with their programs, and the wheel that makes pip anew.
    assert 's.get_path("purelib") + "/*"' in removes
    assert 's.get_path("stdlib") + "/ensurepip"' in removes
    assert 's.get_path("scripts") + "/pip*"' in removes


def test_the_image_does_not_run_as_root():
    last = [words[1] for words in INSTRUCTIONS if words[0] == "USER"][-1]
    user, _, group = last.partition(":")

    assert int(user) > 0
    assert int(group) > 0
    assert [words[0] for words in INSTRUCTIONS][-2:] == ["USER", "CMD"]


def test_the_image_lets_its_user_read_what_a_strict_umask_hid():
    """`make engine-test` builds such a clone; this says it everywhere."""
    copied = [number for number, words in enumerate(INSTRUCTIONS) if words[0] == "COPY"]
    opened = INSTRUCTIONS.index(["RUN", "chmod -R a+rX /app"])
    last = [number for number in copied if not INSTRUCTIONS[number][1].startswith("--from=")][-1]

    assert last < opened < copied[-1]
    assert INSTRUCTIONS[copied[-1]][1] == "--from=build /app ./"


def test_the_image_has_the_bytecode_that_its_processes_may_not_write():
    """`make engine-test` sees that a start compiles nothing; this says it everywhere."""
    compiles = "python -m compileall -q --invalidation-mode unchecked-hash"
    opened = INSTRUCTIONS.index(["RUN", "chmod -R a+rX /app"])
    [second] = [number for number, words in enumerate(INSTRUCTIONS) if words[0] == "FROM"][1:]
    of_library = " ".join(INSTRUCTIONS[second + 1][1].split())

    assert INSTRUCTIONS[opened - 1] == ["RUN", f"{compiles} /app"]
    assert of_library.startswith(compiles)
    assert 'get_path("stdlib")' in of_library


def test_everything_that_the_image_copies_exists_and_is_let_through():
    let_through = {
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    }
    copied = {
        source.removeprefix("./")
        for words in INSTRUCTIONS
        if words[0] == "COPY" and not words[1].startswith("--from=")
        for source in shlex.split(words[1])[:-1]
    }

    assert copied == let_through
    for source in copied:
        assert (ROOT / source).exists()
    for process in PROCESSES.values():
        assert process[2].split(".")[0] in copied


def test_with_secrets_as_files_no_container_has_a_token_in_its_environment():
    """Of two files, Compose merges the mappings and the lists of each service."""
    override = yaml.safe_load((ROOT / "deploy/compose.secrets.yaml").read_text(encoding="utf-8"))

    for name, service in SERVICES.items():
        added = override["services"].get(name, {})
        environment = {**service.get("environment", {}), **added.get("environment", {})}
        files = {
            file for variable, file in environment.items() if variable in Settings.file_variables()
        }
        assert files == {f"/run/secrets/{secret}" for secret in added.get("secrets", ())}
        for token in ("TELEGRAM_TOKEN", "DISCORD_TOKEN"):
            assert not environment.get(token)
            assert (token in environment) == (f"{token}_FILE" in environment)
    for secret in override["secrets"].values():
        assert f"/{Path(secret['file']).parts[0]}/" in (ROOT / ".gitignore").read_text()


def test_the_same_env_file_serves_processes_that_run_without_docker():
    """No variable that compose.yaml needs beyond our settings is taken for a misspelt one."""
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    filled = {
        name: default or "1"
        for name, default in re.findall(r"^#?([A-Z_]+)=(.*)$", example, re.MULTILINE)
        if name not in Settings.file_variables()  # the other way to give the same
        and name != "TWINSTREAM_DEPLOYMENT"  # no operator sets it
    }

    assert Settings.from_env(filled).telegram_token == "1"


@pytest.mark.parametrize("name", CONSUMERS)
def test_the_consumers_can_be_scaled(name):
    """Nothing may exist once only: a number in its group, a name, or a port of the machine."""
    service = SERVICES[name]

    assert "TWINSTREAM_CONSUMER_SLOT" not in service["environment"]
    assert not {"container_name", "hostname", "ports"} & service.keys()
