"""The gateway: sessions over sockets, and the events that each session's intents cover."""

from .connections import Gateway
from .intents import Intent
from .protocol import GatewaySettings

__all__ = ["Gateway", "GatewaySettings", "Intent"]
