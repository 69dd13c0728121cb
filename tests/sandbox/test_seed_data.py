"""The seed: the members and places with which the sandbox begins."""

import pytest

from sandbox import SeedError, load_seed


def test_the_seed_holds_the_ids_that_others_rely_on():
    seed = load_seed()
    assert seed.telegram.bot_id == 42
    assert {p.first_name: p.id for p in seed.telegram.group.people}["Ada"] == 1009
    assert "can_promote_members" not in seed.telegram.group.bot_rights
    names = [role.name for role in seed.discord.guild.roles]
    assert names.index("Legend") < names.index("twinstream") < names.index("Moderator")
    assert seed.discord.guild.roles[0].id == seed.discord.guild.id


@pytest.mark.parametrize("content", ['{"telegram": {}, "discord": {}}', "not json", None])
def test_a_seed_that_cannot_be_used_is_refused(tmp_path, content):
    path = tmp_path / "seed.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SeedError, match=r"seed\.json"):
        load_seed(path)


def test_an_unknown_key_in_a_seed_is_an_error(tmp_path):
    path = tmp_path / "seed.json"
    path.write_text('{"telegramm": {}}')
    with pytest.raises(SeedError, match="telegramm"):
        load_seed(path)
