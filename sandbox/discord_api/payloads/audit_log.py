"""The audit log."""

from sandbox.discord_api.world import AuditEntry, User

from .json_values import Json
from .users import user

__all__ = ["audit_entry", "audit_log"]


def audit_entry(one: AuditEntry) -> Json:
    """One line of the audit log."""
    shown: Json = {
        "id": str(one.id),
        "action_type": one.action_type,
        "user_id": str(one.user_id),
        "target_id": None if one.target_id is None else str(one.target_id),
        "changes": one.changes,
    }
    if one.options is not None:
        shown["options"] = one.options
    if one.reason is not None:
        shown["reason"] = one.reason
    return shown


def audit_log(entries: list[AuditEntry], users: dict[int, User]) -> Json:
    """A page of the audit log, with the users in it."""
    named = {entry.user_id for entry in entries} | {entry.target_id for entry in entries}
    return {
        "audit_log_entries": [audit_entry(entry) for entry in entries],
        "users": [user(users[user_id]) for user_id in users if user_id in named],
        "integrations": [],
        "webhooks": [],
        "guild_scheduled_events": [],
        "threads": [],
        "application_commands": [],
        "auto_moderation_rules": [],
    }
