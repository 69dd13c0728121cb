"""The routes of the control interface by which a person acts in Discord."""

import base64
from typing import Any

import msgspec

from sandbox.discord_api import DiscordPlatform
from sandbox.errors import SandboxError

from . import discord_bodies as bodies
from .discord_bodies import kind_number, optional_number, uploads_of, values_of
from .request_bodies import MemberChange, Route, number_of

__all__ = ["DiscordRoutes"]

DONE = {"ok": True}


class DiscordRoutes:
    """Carries out control requests. Each method answers with JSON's own types."""

    def __init__(self, discord: DiscordPlatform) -> None:
        self._discord = discord

    def all(self) -> list[Route[Any]]:
        """Return every route."""
        return [
            Route("/discord/say", bodies.Say, self._say),
            Route("/discord/forward", bodies.Forward, self._forward),
            Route("/discord/edit", bodies.Edit, self._edit),
            Route("/discord/delete", bodies.Delete, self._delete),
            Route("/discord/react", bodies.React, self._react),
            Route("/discord/typing", bodies.Typing, self._typing),
            Route("/discord/thread", bodies.NewThread, self._thread),
            Route("/discord/threads", bodies.ThreadChange, self._threads),
            Route("/discord/slash", bodies.Slash, self._slash),
            Route("/discord/menu", bodies.Menu, self._menu),
            Route("/discord/choices", bodies.Choices, self._choices),
            Route("/discord/click", bodies.Click, self._click),
            Route("/discord/submit", bodies.Submit, self._submit),
            Route("/discord/voice", bodies.Voice, self._voice),
            Route("/discord/moderate", bodies.Moderation, self._moderate),
            Route("/discord/presence", bodies.Presence, self._presence),
            Route("/discord/name", bodies.NameChange, self._name),
            Route("/discord/avatar", bodies.Avatar, self._avatar),
            Route("/discord/event", bodies.GatewayEvent, self._event),
            Route("/discord/block", bodies.DirectMessages, self._block),
            Route("/discord/direct", bodies.DirectChannel, self._direct),
            Route("/discord/roles", bodies.RoleChange, self._roles),
            Route("/discord/permissions", bodies.PermissionChange, self._permissions),
            Route("/discord/channels", bodies.ChannelChange, self._channels),
            Route("/discord/bot", bodies.BotChange, self._bot),
            Route("/discord/bots", bodies.NewBot, self._new_bot),
            Route("/discord/guild", bodies.GuildChange, self._guild),
            Route("/discord/file", bodies.StoredFile, self._file),
        ]

    def change_member(self, asked: MemberChange, known: int | None) -> int:
        """Let a person join or leave, or change their membership. Return their id."""
        if known is None or asked.action == "join":
            return self._discord.join(known, asked.name, pending=asked.pending, bot=asked.bot)
        match asked.action:
            case "leave":
                self._discord.leave(known)
            case "pass_screening":
                self._discord.pass_screening(known)
            case _:
                raise SandboxError(f"Discord has no action {asked.action}; see /discord/moderate")
        return known

    # Messages

    def _say(self, asked: bodies.Say) -> dict[str, Any]:
        made = self._discord.people.say(
            number_of(asked.channel_id),
            number_of(asked.user_id),
            asked.text,
            reply_to=optional_number(asked.reply_to),
            files=uploads_of(asked.files),
            sticker=asked.sticker,
        )
        return {"message_id": str(made)}

    def _forward(self, asked: bodies.Forward) -> dict[str, Any]:
        made = self._discord.people.forward(
            number_of(asked.channel_id),
            number_of(asked.user_id),
            number_of(asked.from_channel_id),
            number_of(asked.message_id),
        )
        return {"message_id": str(made)}

    def _edit(self, asked: bodies.Edit) -> dict[str, Any]:
        place = number_of(asked.channel_id), number_of(asked.message_id)
        self._discord.people.edit(*place, number_of(asked.user_id), asked.text)
        return DONE

    def _delete(self, asked: bodies.Delete) -> dict[str, Any]:
        place = number_of(asked.channel_id), number_of(asked.message_id)
        self._discord.people.delete(*place, number_of(asked.user_id))
        return DONE

    def _react(self, asked: bodies.React) -> dict[str, Any]:
        place = number_of(asked.channel_id), number_of(asked.message_id)
        self._discord.people.react(*place, number_of(asked.user_id), asked.emoji, added=asked.added)
        return DONE

    def _typing(self, asked: bodies.Typing) -> dict[str, Any]:
        self._discord.people.type_in(number_of(asked.channel_id), number_of(asked.user_id))
        return DONE

    def _thread(self, asked: bodies.NewThread) -> dict[str, Any]:
        made = self._discord.people.start_thread(
            number_of(asked.channel_id),
            number_of(asked.user_id),
            asked.name,
            text=asked.text,
            message_id=optional_number(asked.message_id),
            files=uploads_of(asked.files),
        )
        return {"channel_id": str(made)}

    def _threads(self, asked: bodies.ThreadChange) -> dict[str, Any]:
        thread_id = number_of(asked.channel_id)
        if asked.action not in ("join", "leave"):
            archived, locked = asked.action != "reopen", asked.action == "lock"
            owner = self._discord.administration
            owner.archive_thread(thread_id, archived=archived, locked=locked)
        elif asked.user_id is None:
            raise SandboxError(f"the action {asked.action} needs user_id")
        else:
            joined = asked.action == "join"
            self._discord.people.join_thread(thread_id, number_of(asked.user_id), joined=joined)
        return DONE

    def _file(self, asked: bodies.StoredFile) -> dict[str, Any]:
        content = self._discord.file(number_of(asked.attachment_id))
        return {"size": len(content), "base64": base64.b64encode(content).decode()}

    # Interactions

    def _slash(self, asked: bodies.Slash) -> dict[str, Any]:
        made = self._discord.people.slash(
            number_of(asked.channel_id),
            number_of(asked.user_id),
            asked.command,
            values_of(asked.options),
            focused=asked.focused,
            bot_id=optional_number(asked.bot_id),
        )
        return {"interaction_id": str(made)}

    def _menu(self, asked: bodies.Menu) -> dict[str, Any]:
        made = self._discord.people.use_menu(
            number_of(asked.channel_id),
            number_of(asked.user_id),
            asked.command,
            number_of(asked.target_id),
            bot_id=optional_number(asked.bot_id),
        )
        return {"interaction_id": str(made)}

    def _choices(self, asked: bodies.Choices) -> dict[str, Any]:
        return {"choices": self._discord.people.choices(number_of(asked.interaction_id))}

    def _click(self, asked: bodies.Click) -> dict[str, Any]:
        channel_id, user_id = number_of(asked.channel_id), number_of(asked.user_id)
        message_id = number_of(asked.message_id)
        made = self._discord.click(channel_id, message_id, user_id, asked.custom_id, asked.values)
        return {"interaction_id": str(made)}

    def _submit(self, asked: bodies.Submit) -> dict[str, Any]:
        values = values_of(asked.values)
        made = self._discord.people.submit(number_of(asked.user_id), asked.custom_id, values)
        return {"interaction_id": str(made)}

    # Members

    def _voice(self, asked: bodies.Voice) -> dict[str, Any]:
        people, user_id = self._discord.people, number_of(asked.user_id)
        given = {
            name: getattr(asked, name)
            for name in ("self_mute", "self_deaf", "self_stream", "self_video")
        }
        flags = {name: value for name, value in given.items() if value is not None}
        match asked.action:
            case "join":
                if asked.channel_id is None:
                    raise SandboxError("the action join needs channel_id")
                people.connect(user_id, number_of(asked.channel_id), **flags)
            case "leave":
                people.disconnect(user_id)
            case "update":
                people.set_voice(user_id, **flags)
            case "idle":
                people.fall_idle(user_id)
        return DONE

    def _moderate(self, asked: bodies.Moderation) -> dict[str, Any]:
        owner, user_id = self._discord.administration, number_of(asked.user_id)
        match asked.action:
            case "mute" | "unmute":
                owner.set_voice(user_id, mute=asked.action == "mute")
            case "deafen" | "undeafen":
                owner.set_voice(user_id, deaf=asked.action == "deafen")
            case "move" | "disconnect":
                if (asked.channel_id is None) == (asked.action == "move"):
                    raise SandboxError("only the action move has a channel_id")
                owner.move_member(user_id, optional_number(asked.channel_id))
            case "time_out" | "end_timeout":
                if (asked.until is None) == (asked.action == "time_out"):
                    raise SandboxError("only the action time_out has an `until`")
                owner.time_out(user_id, asked.until)
            case "rename":
                owner.set_nick(user_id, asked.nick)
            case _:
                owner.exclude(user_id, asked.action)
        return DONE

    def _presence(self, asked: bodies.Presence) -> dict[str, Any]:
        user_id = number_of(asked.user_id)
        self._discord.people.set_presence(user_id, asked.status, asked.playing)
        return DONE

    def _name(self, asked: bodies.NameChange) -> dict[str, Any]:
        people, user_id = self._discord.people, number_of(asked.user_id)
        if asked.nick is not msgspec.UNSET:
            people.set_nick(user_id, asked.nick)
        if asked.username is not None:
            people.rename(user_id, asked.username, asked.display_name)
        return DONE

    def _avatar(self, asked: bodies.Avatar) -> dict[str, Any]:
        self._discord.people.set_avatar(number_of(asked.user_id), asked.content)
        return DONE

    def _block(self, asked: bodies.DirectMessages) -> dict[str, Any]:
        owner = self._discord.administration
        owner.refuse_direct_messages(number_of(asked.user_id), refused=asked.blocked)
        return DONE

    def _direct(self, asked: bodies.DirectChannel) -> dict[str, Any]:
        user_id, bot_id = number_of(asked.user_id), optional_number(asked.bot_id)
        return {"channel_id": str(self._discord.people.open_direct(user_id, bot_id=bot_id))}

    # The owner, and Discord itself

    def _roles(self, asked: bodies.RoleChange) -> dict[str, Any]:
        owner, role_id = self._discord.administration, number_of(asked.role_id)
        user_id, above = optional_number(asked.user_id), optional_number(asked.above)
        match asked.action:
            case "give" if user_id is not None:
                owner.give_role(user_id, role_id)
            case "take" if user_id is not None:
                owner.take_role(user_id, role_id)
            case "move" if above is not None:
                owner.move_role(role_id, above=above)
            case "delete":
                owner.delete_role(role_id)
            case action:
                needed = "above" if action == "move" else "user_id"
                raise SandboxError(f"the action {action} needs {needed}")
        return DONE

    def _permissions(self, asked: bodies.PermissionChange) -> dict[str, Any]:
        owner, role_id = self._discord.administration, number_of(asked.role_id)
        if asked.channel_id is not None:
            channel_id = number_of(asked.channel_id)
            owner.set_overwrite(channel_id, role_id, allow=asked.permissions, deny=asked.denied)
        elif asked.denied:
            raise SandboxError("permissions are denied in a channel only; channel_id is missing")
        else:
            owner.set_permissions(role_id, *asked.permissions)
        return DONE

    def _channels(self, asked: bodies.ChannelChange) -> dict[str, Any]:
        owner = self._discord.administration
        if asked.action == "create":
            parent_id, kind = optional_number(asked.parent_id), kind_number(asked.kind)
            return {"channel_id": str(owner.create_channel(asked.name or "", kind, parent_id))}
        if asked.channel_id is None:
            raise SandboxError(f"the action {asked.action} needs channel_id")
        channel_id = number_of(asked.channel_id)
        if asked.action == "rename":
            owner.rename_channel(channel_id, asked.name or "")
        else:
            owner.delete_channel(channel_id)
        return {"channel_id": str(channel_id)}

    def _bot(self, asked: bodies.BotChange) -> dict[str, Any]:
        owner, bot_id = self._discord.administration, optional_number(asked.bot_id)
        if asked.action == "remove":
            owner.kick_bot(bot_id)
        else:
            owner.invite_bot(bot_id)
        return DONE

    def _new_bot(self, asked: bodies.NewBot) -> dict[str, Any]:
        owner = self._discord.administration
        bot_id, token = owner.add_bot(
            asked.username, token=asked.token, permissions=asked.permissions
        )
        return {"bot_id": str(bot_id), "token": token}

    def _guild(self, asked: bodies.GuildChange) -> dict[str, Any]:
        self._discord.administration.set_available(available=asked.available)
        return DONE

    def _event(self, asked: bodies.GatewayEvent) -> dict[str, Any]:
        self._discord.gateway.dispatch(asked.event, asked.data)
        return DONE
