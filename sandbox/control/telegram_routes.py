"""The routes of the control interface by which a person acts in Telegram."""

from typing import Any

from sandbox.errors import SandboxError
from sandbox.telegram_api import Manner, OtherVersion, TelegramPlatform

from . import telegram_bodies as bodies
from .request_bodies import ControlRequest, Id, MemberChange, Route, number_of

__all__ = ["TelegramRoutes"]

DONE = {"ok": True}


class TelegramRoutes:
    """Carries out control requests. Each method answers with JSON's own types."""

    def __init__(self, telegram: TelegramPlatform) -> None:
        self._telegram = telegram
        self._people = telegram.people

    def all(self) -> list[Route[Any]]:
        """Return every route."""
        return [
            Route("/telegram/say", bodies.Say, self._say),
            Route("/telegram/start", bodies.Start, self._start),
            Route("/telegram/send", bodies.Send, self._send),
            Route("/telegram/forward", bodies.Forward, self._forward),
            Route("/telegram/edit", bodies.Edit, self._edit),
            Route("/telegram/delete", bodies.Deletion, self._delete),
            Route("/telegram/click", bodies.Click, self._click),
            Route("/telegram/copied", bodies.CopiedText, self._copied),
            Route("/telegram/keyboard", bodies.KeyboardQuestion, self._keyboard),
            Route("/telegram/press", bodies.Press, self._press),
            Route("/telegram/vote", bodies.Vote, self._vote),
            Route("/telegram/react", bodies.React, self._react),
            Route("/telegram/join", bodies.Join, self._join),
            Route("/telegram/rename", bodies.Rename, self._rename),
            Route("/telegram/photo", bodies.ProfilePhoto, self._photo),
            Route("/telegram/invite", bodies.InviteLink, self._invite),
            Route("/telegram/block", bodies.Block, self._block),
            Route("/telegram/kick", bodies.Kick, self._kick),
            Route("/telegram/group", bodies.GroupChange, self._group),
            Route("/telegram/forum", bodies.ForumChange, self._forum),
            Route("/telegram/topic", bodies.TopicOpening, self._topic),
            Route("/telegram/topic/close", bodies.TopicClosing, self._close_topic),
            Route("/telegram/channel", bodies.ChannelOpening, self._channel),
            Route("/telegram/migrate", ControlRequest, self._migrate),
            Route("/telegram/bot", bodies.BotStatusChange, self._bot),
            Route("/telegram/bots", bodies.NewBot, self._new_bot),
            Route("/telegram/update", bodies.AnyUpdate, self._update),
            Route("/telegram/version", bodies.VersionChange, self._version),
        ]

    def file(self, file_id: str) -> bytes:
        """Return the bytes of a file that a bot or a person sent."""
        return self._telegram.file(file_id)

    def change_member(self, asked: MemberChange, known: int | None) -> int:
        """Let a person join or leave, or change their membership. Return their id."""
        people = self._people
        if known is None or asked.action == "join":
            return people.join(known, asked.name)
        match asked.action:
            case "leave":
                people.leave(known)
            case "promote":
                people.promote(known)
            case "demote":
                people.demote(known)
            case "tag":
                people.tag(known, asked.tag)
            case "mute" | "unmute":
                people.mute(known, muted=asked.action == "mute")
            case "pass_screening":
                raise SandboxError("Telegram has no membership screening")
        return known

    def _say(self, asked: bodies.Say) -> dict[str, Any]:
        chat_id, user_id = number_of(asked.chat_id), number_of(asked.user_id)
        message_id = self._people.say(chat_id, user_id, asked.text, manner=_manner(asked))
        return {"message_id": message_id}

    def _start(self, asked: bodies.Start) -> dict[str, Any]:
        user_id = number_of(asked.user_id)
        message_id = self._people.start(user_id, asked.payload, bot_id=_number(asked.bot_id))
        return {"message_id": message_id}

    def _send(self, asked: bodies.Send) -> dict[str, Any]:
        message_id = self._people.send(
            number_of(asked.chat_id),
            number_of(asked.user_id),
            asked.kind,
            data=asked.content,
            file_name=asked.file_name,
            caption=asked.caption,
            fields=asked.fields,
            album=asked.album,
            manner=_manner(asked),
        )
        return {"message_id": message_id}

    def _forward(self, asked: bodies.Forward) -> dict[str, Any]:
        message_id = self._people.forward(
            number_of(asked.chat_id),
            number_of(asked.user_id),
            number_of(asked.from_chat_id),
            asked.message_id,
            hidden=asked.hidden,
            manner=_manner(asked),
        )
        return {"message_id": message_id}

    def _edit(self, asked: bodies.Edit) -> dict[str, Any]:
        chat_id, user_id = number_of(asked.chat_id), number_of(asked.user_id)
        bot_id = _number(asked.bot_id)
        self._people.edit(chat_id, asked.message_id, user_id, asked.text, bot_id=bot_id)
        return DONE

    def _delete(self, asked: bodies.Deletion) -> dict[str, Any]:
        chat_id, user_id = number_of(asked.chat_id), number_of(asked.user_id)
        self._people.delete(chat_id, asked.message_id, user_id, bot_id=_number(asked.bot_id))
        return DONE

    def _click(self, asked: bodies.Click) -> dict[str, Any]:
        chat_id, user_id = number_of(asked.chat_id), number_of(asked.user_id)
        bot_id = _number(asked.bot_id)
        query_id = self._people.click(chat_id, asked.message_id, user_id, asked.data, bot_id=bot_id)
        return {"callback_query_id": query_id}

    def _copied(self, asked: bodies.CopiedText) -> dict[str, Any]:
        chat_id, user_id = number_of(asked.chat_id), number_of(asked.user_id)
        bot_id = _number(asked.bot_id)
        text = self._people.copied_text(
            chat_id, asked.message_id, user_id, asked.text, bot_id=bot_id
        )
        return {"text": text}

    def _keyboard(self, asked: bodies.KeyboardQuestion) -> dict[str, Any]:
        chat_id, user_id = number_of(asked.chat_id), number_of(asked.user_id)
        bot_id = _number(asked.bot_id)
        return {"keyboard": self._people.reply_keyboard(chat_id, user_id, bot_id=bot_id)}

    def _press(self, asked: bodies.Press) -> dict[str, Any]:
        message_id = self._people.press(
            number_of(asked.chat_id),
            number_of(asked.user_id),
            asked.text,
            web_app_data=asked.web_app_data,
            bot_id=_number(asked.bot_id),
        )
        return {"message_id": message_id}

    def _vote(self, asked: bodies.Vote) -> dict[str, Any]:
        chat_id, user_id = number_of(asked.chat_id), number_of(asked.user_id)
        bot_id = _number(asked.bot_id)
        self._people.vote(chat_id, asked.message_id, user_id, asked.options, bot_id=bot_id)
        return DONE

    def _react(self, asked: bodies.React) -> dict[str, Any]:
        self._people.react(
            number_of(asked.chat_id),
            asked.message_id,
            number_of(asked.user_id),
            asked.emoji,
            anonymous=asked.anonymous,
            bot_id=_number(asked.bot_id),
        )
        return DONE

    def _join(self, asked: bodies.Join) -> dict[str, Any]:
        user_id = self._people.join(
            _number(asked.user_id),
            asked.name,
            chat_id=_number(asked.chat_id),
            invite_link=asked.invite_link,
            added_by=_number(asked.added_by),
        )
        return {"user_id": user_id}

    def _rename(self, asked: bodies.Rename) -> dict[str, Any]:
        user_id = number_of(asked.user_id)
        self._people.rename(user_id, asked.first_name, asked.last_name, asked.username)
        return DONE

    def _photo(self, asked: bodies.ProfilePhoto) -> dict[str, Any]:
        self._people.set_photo(number_of(asked.user_id), asked.content)
        return DONE

    def _invite(self, asked: bodies.InviteLink) -> dict[str, Any]:
        chat_id = _number(asked.chat_id)
        link = self._people.make_invite_link(number_of(asked.user_id), chat_id=chat_id)
        return {"invite_link": link}

    def _block(self, asked: bodies.Block) -> dict[str, Any]:
        user_id, bot_id = number_of(asked.user_id), _number(asked.bot_id)
        self._people.block(user_id, blocked=asked.blocked, bot_id=bot_id)
        return DONE

    def _kick(self, asked: bodies.Kick) -> dict[str, Any]:
        self._people.kick(number_of(asked.user_id))
        return DONE

    def _group(self, asked: bodies.GroupChange) -> dict[str, Any]:
        if asked.title is not None:
            self._people.retitle(asked.title)
        if asked.join_by_request is not None:
            self._people.want_requests(wanted=asked.join_by_request)
        if asked.permissions is not None:
            self._people.permit(asked.permissions)
        if asked.pin is not None:
            self._people.pin(asked.pin)
        return DONE

    def _forum(self, asked: bodies.ForumChange) -> dict[str, Any]:
        self._people.set_forum(is_forum=asked.is_forum)
        return DONE

    def _topic(self, asked: bodies.TopicOpening) -> dict[str, Any]:
        thread_id = self._people.open_topic(asked.name, user_id=_number(asked.user_id))
        return {"thread_id": thread_id}

    def _close_topic(self, asked: bodies.TopicClosing) -> dict[str, Any]:
        self._people.close_topic(asked.thread_id, closed=asked.closed)
        return DONE

    def _channel(self, asked: bodies.ChannelOpening) -> dict[str, Any]:
        chat_id = self._people.open_channel(
            asked.title,
            username=asked.username,
            owner_id=_number(asked.owner_id),
            linked=asked.linked,
            with_bot=asked.with_bot,
        )
        return {"chat_id": chat_id}

    def _migrate(self, _: ControlRequest) -> dict[str, Any]:
        return {"chat_id": self._people.migrate()}

    def _bot(self, asked: bodies.BotStatusChange) -> dict[str, Any]:
        bot_id, chat_id = _number(asked.bot_id), _number(asked.chat_id)
        self._people.set_bot(asked.status, asked.rights, bot_id=bot_id, chat_id=chat_id)
        return DONE

    def _new_bot(self, asked: bodies.NewBot) -> dict[str, Any]:
        token = self._people.add_bot(
            asked.name,
            asked.username,
            token=asked.token,
            reads_all=asked.reads_all,
            status=asked.status,
        )
        return {"bot_id": number_of(token.partition(":")[0]), "token": token}

    def _update(self, asked: bodies.AnyUpdate) -> dict[str, Any]:
        if (asked.update is None) == (asked.text is None):
            raise SandboxError("an update is given as `update` (JSON) or as `text`")
        if asked.text is not None:
            return {"update_id": self._telegram.send_text(asked.text)}
        return {"update_id": self._telegram.send_update(asked.update)}

    def _version(self, asked: bodies.VersionChange) -> dict[str, Any]:
        self._telegram.version = OtherVersion(asked.without, asked.missing_methods, asked.extra)
        return DONE


def _number(identifier: Id | None) -> int | None:
    return None if identifier is None else number_of(identifier)


def _manner(asked: bodies.Writing) -> Manner:
    return Manner(
        reply_to=asked.reply_to,
        quote=asked.quote,
        anonymous=asked.anonymous,
        sender_chat_id=_number(asked.sender_chat_id),
        thread_id=asked.thread_id,
        bot_id=_number(asked.bot_id),
    )
