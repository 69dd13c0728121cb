"""The REST API v10: every route that the sandbox imitates."""

from . import (
    bot_account,
    channels,
    commands,
    empty_lists,
    guilds,
    interaction_callbacks,
    members,
    messages,
    pins,
    reactions,
    roles,
    threads,
    voice,
)
from .routing import Reply, Request, Route

__all__ = ["ROUTES", "Reply", "Request", "Route"]

ROUTES: tuple[Route, ...] = tuple(
    sorted(
        (
            route
            for module in (
                bot_account,
                channels,
                commands,
                empty_lists,
                guilds,
                interaction_callbacks,
                members,
                messages,
                pins,
                reactions,
                roles,
                threads,
                voice,
            )
            for route in module.routes.table
        ),
        # The first route that matches answers: fixed parts of a path go before its parameters.
        key=lambda route: route.template.replace("{", "\x7f"),
    )
)
