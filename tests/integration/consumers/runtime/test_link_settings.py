"""The consumers write the settings of [linking] into Postgres, where every link obeys them."""

import msgspec

from config.community import LinkingSetting
from consumers.runtime.resources import open_resources
from db.links import states
from db.links.states import LinkRules


async def test_links_obey_what_twinstream_toml_says(settings, community, stop, keys, pool):
    linking = LinkingSetting(
        policy="max", reward_xp=5, reward_balance=2, cooldown_hours=1.5, undo_days=3
    )
    changed = msgspec.structs.replace(community, linking=linking)

    async with open_resources(settings, changed, stop, keys=keys), pool.acquire() as conn:
        assert await states.rules(conn) == LinkRules("max", 5, 2, 5_400, 259_200)
    async with open_resources(settings, community, stop, keys=keys), pool.acquire() as conn:
        assert await states.rules(conn) == LinkRules()
