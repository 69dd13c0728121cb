"""The benchmark of the footprint measures the processes of compose.yaml, and all of them."""

from benchmarks.compose_processes import read
from benchmarks.footprint import BOTS, CONSUMERS
from consumers.runtime.roles import ROLES


def test_every_process_of_ours_is_found_with_what_compose_gives_it():
    found = {one.service: one for one in read()}

    assert set(found) == {"telegram-bot", "discord-bot", "to-discord", "to-telegram", "consumers"}
    assert found["to-discord"].module == CONSUMERS
    assert found["to-discord"].arguments == ("to-discord", "discord-roles")
    assert "DISCORD_TOKEN" in found["to-discord"].variables
    assert "TELEGRAM_TOKEN" not in found["to-discord"].variables


def test_every_process_has_a_sign_that_it_is_up():
    for one in read():
        assert (one.module in BOTS) != (one.module == CONSUMERS)
        assert set(one.arguments) <= set(ROLES)
