"""Refusals of the Discord API, as exceptions that a handler raises."""

from collections.abc import Collection, Mapping
from typing import Any

__all__ = [
    "ApiError",
    "invalid_form",
    "invalid_role",
    "invalid_token",
    "missing_access",
    "missing_permissions",
    "not_imitated",
    "refuse_unknown_fields",
    "unauthorized",
    "unknown",
]

UNKNOWN_CODES = {
    "Application": 10002,
    "Channel": 10003,
    "Guild": 10004,
    "Member": 10007,
    "Message": 10008,
    "Role": 10011,
    "User": 10013,
    "Webhook": 10015,
    "Emoji": 10014,
    "Ban": 10026,
    "Overwrite": 10009,
    "Voice State": 10065,
    "interaction": 10062,
    "application command": 10063,
}


class ApiError(Exception):
    """A refusal: HTTP status, Discord's JSON error code and message.

    `errors` is the tree of field errors that comes with code 50035.
    """

    def __init__(
        self, status: int, code: int, message: str, errors: dict[str, Any] | None = None
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.errors = errors

    def body(self) -> dict[str, Any]:
        """Return the JSON body of the answer."""
        answer: dict[str, Any] = {"message": self.message, "code": self.code}
        if self.errors is not None:
            answer["errors"] = self.errors
        return answer


def unauthorized() -> ApiError:
    """The token is missing or wrong."""
    return ApiError(401, 0, "401: Unauthorized")


def invalid_token() -> ApiError:
    """An interaction's or webhook's token does not belong to its id."""
    return ApiError(401, 50027, "Invalid Webhook Token")


def unknown(thing: str) -> ApiError:
    """The thing does not exist; `thing` is a key of UNKNOWN_CODES."""
    return ApiError(404, UNKNOWN_CODES[thing], f"Unknown {thing}")


def missing_access() -> ApiError:
    """The bot does not see the thing that it wants to change."""
    return ApiError(403, 50001, "Missing Access")


def missing_permissions() -> ApiError:
    """The bot lacks a permission, or the role is managed or not below the bot's highest role."""
    return ApiError(403, 50013, "Missing Permissions")


def invalid_role() -> ApiError:
    """Neither @everyone nor a managed role can be deleted."""
    return ApiError(400, 50028, "Invalid Role")


def invalid_form(field: str, code: str, message: str) -> ApiError:
    """A field of the body is invalid. `field` may be a dotted path ("embeds.0.title")."""
    tree: dict[str, Any] = {"_errors": [{"code": code, "message": message}]}
    for name in reversed(field.split(".")):
        tree = {name: tree}
    return ApiError(400, 50035, "Invalid Form Body", tree)


def refuse_unknown_fields(body: Mapping[str, Any], known: Collection[str], where: str) -> None:
    """Refuse fields that the sandbox does not know: to ignore one would look like success.

    Null and false ask for nothing, so that they may stand anywhere; discord.js sends them.
    """
    for name, value in body.items():
        if name not in known and value is not None and value is not False:
            raise not_imitated(f"the field {name!r} of {where}")


def not_imitated(what: str) -> ApiError:
    """Discord may support this, but the sandbox does not: ignoring it would look like success.

    The status is one that client libraries do not repeat: discord.py tries a 5xx for 25 s.
    """
    return ApiError(400, 0, f"The sandbox does not imitate {what}")
