"""Roles that a platform does not show: alerts fire, and end once it shows them."""

import pytest

from tests.support.monitored_deployment import MonitoredDeployment

pytestmark = pytest.mark.nightly

GIVE = "PUT /guilds/{guild_id}/members/{user_id}/roles/{role_id}"
ROLE_OF_THE_BOT = 900000000000000100


@pytest.mark.alerts("TwinstreamSurfaceWritesLost", "TwinstreamSurfacesStuck")
async def test_a_platform_that_accepts_roles_and_shows_none(scene: MonitoredDeployment) -> None:
    alerts = ("TwinstreamSurfaceWritesLost", "TwinstreamSurfacesStuck")
    await scene.fault("discord", route=GIVE, status=204, when="dropped", times=1_000)
    await scene.member.win_in_discord()
    await scene.prometheus.fires(*alerts)

    await scene.clear_faults()

    await scene.prometheus.ends(*alerts)


@pytest.mark.alerts("TwinstreamSurfacesParked")
async def test_a_bot_that_lacks_the_right(scene: MonitoredDeployment) -> None:
    await permit(scene)
    await scene.member.win_in_discord()
    await scene.prometheus.fires("TwinstreamSurfacesParked")

    await permit(scene, "MANAGE_ROLES")

    await scene.prometheus.ends("TwinstreamSurfacesParked")


async def permit(scene: MonitoredDeployment, *more: str) -> None:
    permissions = ["VIEW_CHANNEL", "SEND_MESSAGES", "READ_MESSAGE_HISTORY", *more]
    await scene.client.post(
        "/discord/permissions", role_id=ROLE_OF_THE_BOT, permissions=permissions
    )
