"""The places and people that the settings exclude from earning by being there.

Others earn nothing by excluded people either: reactions and thanks of theirs do not count, as those
for them do not.
"""

from collections.abc import Set as AbstractSet

from bots.features.places import Places
from bots.features.posted_messages import MessagePlace, Posted
from config import Community
from db import Platform


class Exclusions:
    """The exclusions of a community, as one platform knows its places and people."""

    def __init__(self, community: Community, platform: Platform) -> None:
        excluded = community.earning.excluded
        self._places = Places(excluded.places, community.telegram.chat_id)
        self._roles = frozenset(excluded.roles)
        self._accounts = frozenset(
            excluded.telegram if platform == "telegram" else excluded.discord
        )

    def have_place(self, place: MessagePlace) -> bool:
        """Tell whether nothing counts at this place. Pure."""
        return place in self._places

    def have_account(self, account_id: int, roles: AbstractSet[int] = frozenset()) -> bool:
        """Tell whether nothing counts by or for an account, which has these roles. Pure."""
        return account_id in self._accounts or not self._roles.isdisjoint(roles)

    def have_message(self, posted: Posted) -> bool:
        """Tell whether a message, and what others do with it, earns nothing. Pure."""
        return self.have_place(posted.place) or self.have_account(posted.account_id, posted.roles)
