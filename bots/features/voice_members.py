"""Members in voice channels, as rooms see them."""

from typing import NamedTuple


class Connected(NamedTuple):
    """A member in a voice channel, as Discord shows it."""

    account_id: int
    channel_id: int
    is_bot: bool = False
    can_speak: bool = True
    """Neither muted by themselves, by the server, nor by a stage."""
    can_hear: bool = True
    """Not deafened by themselves nor by the server."""
    earns: bool = True
    """Whether neither the channel nor the member is excluded by a setting."""

    @property
    def is_company(self) -> bool:
        """Whether the member keeps others company: a person who can hear them."""
        return not self.is_bot and self.can_hear
