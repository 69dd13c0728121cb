"""People press buttons, open web apps and vote in polls."""

from sandbox.errors import SandboxError
from sandbox.telegram_api.methods.messages.polls import poll_payload
from sandbox.telegram_api.texts.keyboards import offers, reply_buttons
from sandbox.telegram_api.world import JSON, Group, User, World
from sandbox.telegram_api.world.payloads import user_payload
from sandbox.telegram_api.world.state import Query

from .chatting import Chatting, Manner

__all__ = ["Pressing"]

QUERIES_KEPT = 10_000


class Pressing(Chatting):
    """People press buttons, open web apps and vote in polls."""

    def click(
        self, chat_id: int, message_id: int, user_id: int, data: str, *, bot_id: int | None = None
    ) -> str:
        """A person presses a button of a bot's message. Returns the callback query's id.

        The message id 0 stands for the latest ephemeral message to this person with such a button.
        """
        user, world = self._person(user_id), self._of(bot_id)
        chat = self._chat_of(chat_id, user_id)
        message = (
            self._existing(world, chat_id, message_id)
            if message_id
            else self._ephemeral(chat_id, user_id, data)
        )
        if not offers(message, data):
            raise SandboxError(f"message {message_id} has no button with the data {data!r}")
        author = world.author(message) if message_id else message["from"]["id"]
        if isinstance(chat, Group) and author in world.state.bots:
            world = world.of(author or 0)
        state = world.state
        state.query_id += 1
        query_id = str(10**15 + state.query_id)
        state.queries[query_id] = Query(user_id, chat_id, world.now(), world.bot_id)
        if len(state.queries) > QUERIES_KEPT:
            del state.queries[next(iter(state.queries))]
        query = {
            "id": query_id,
            "from": user_payload(user),
            "message": message,
            "chat_instance": str(abs(chat_id)),
            "data": data,
        }
        world.emit("callback_query", query)
        return query_id

    def copied_text(
        self, chat_id: int, message_id: int, user_id: int, text: str, *, bot_id: int | None = None
    ) -> str:
        """A person presses a copy button with the label `text`. Returns what they then hold."""
        self._chat_of(chat_id, user_id)
        message = self._existing(self._of(bot_id), chat_id, message_id)
        for row in message.get("reply_markup", {}).get("inline_keyboard", []):
            for button in row:
                if button["text"] == text and "copy_text" in button:
                    return str(button["copy_text"]["text"])
        raise SandboxError(f"message {message_id} has no copy button {text!r}")

    def press(
        self,
        chat_id: int,
        user_id: int,
        text: str,
        *,
        web_app_data: str | None = None,
        bot_id: int | None = None,
    ) -> int:
        """A person presses a button of the reply keyboard that they see. Returns the message id.

        The button sends its text, the person's contact or a location, or what its web app returns.
        """
        world, user = self._of(bot_id), self._person(user_id)
        keyboard = self.reply_keyboard(chat_id, user_id, bot_id=world.bot_id)
        for button in reply_buttons(keyboard or {}):
            if button["text"] == text:
                return self._pressed(world, chat_id, user, button, web_app_data)
        raise SandboxError(f"{user_id} sees no button {text!r} in the chat {chat_id}")

    def reply_keyboard(
        self, chat_id: int, user_id: int, *, bot_id: int | None = None
    ) -> JSON | None:
        """Return the reply keyboard that a person sees, if any."""
        world = self._of(bot_id)
        shown = world.own.keyboards
        return shown.get(f"{chat_id}:{user_id}") or shown.get(f"{chat_id}:0")

    def _pressed(
        self, world: World, chat_id: int, user: User, button: JSON, web_app_data: str | None
    ) -> int:
        manner = Manner(bot_id=world.bot_id)
        if button.get("request_contact"):
            contact = {
                "phone_number": f"+{user.id:011}",
                "first_name": user.first_name,
                "user_id": user.id,
            }
            return self.send(chat_id, user.id, "contact", fields=contact, manner=manner)
        if button.get("request_location"):
            return self.send(chat_id, user.id, "location", manner=manner)
        if "web_app" in button:
            if web_app_data is None:
                raise SandboxError(f"the button {button['text']!r} needs web_app_data")
            data = {"data": web_app_data, "button_text": button["text"]}
            message = world.compose(user, user, web_app_data=data)
            world.deliver(user, world.post(message), author=user.id)
            return int(message["message_id"])
        return self.say(chat_id, user.id, button["text"], manner=manner)

    def vote(
        self,
        chat_id: int,
        message_id: int,
        user_id: int,
        options: list[int],
        *,
        bot_id: int | None = None,
    ) -> None:
        """A person votes in a poll; no options take the vote back."""
        user, world = self._person(user_id), self._of(bot_id)
        self._chat_of(chat_id, user_id)
        message = self._existing(world, chat_id, message_id)
        poll = message.get("poll")
        if poll is None or poll["is_closed"]:
            raise SandboxError(f"message {message_id} is no open poll")
        known = world.state.polls.get(poll["id"])
        if known is None or any(not 0 <= one < len(poll["options"]) for one in options):
            raise SandboxError(f"the poll has no options {options}")
        if len(options) > 1 and not poll["allows_multiple_answers"]:
            raise SandboxError("the poll takes one answer")
        if str(user_id) in known["votes"] and not poll["allows_revoting"]:
            raise SandboxError(f"{user_id} has answered the quiz")
        known["votes"] = known["votes"] | {str(user_id): options}
        message["poll"] = poll_payload(poll, known["votes"])
        world = world.of(known["bot_id"])
        world.emit("poll", message["poll"])
        if not poll["is_anonymous"]:
            answer = {
                "poll_id": poll["id"],
                "user": user_payload(user),
                "option_ids": options,
                "option_persistent_ids": [poll["options"][one]["persistent_id"] for one in options],
            }
            world.emit("poll_answer", answer)

    def _ephemeral(self, chat_id: int, user_id: int, data: str) -> JSON:
        for message in reversed(self._world.state.ephemeral.values()):
            ours = message["chat"]["id"] == chat_id and message["receiver_user"]["id"] == user_id
            if ours and offers(message, data):
                return message
        raise SandboxError(f"{user_id} sees no ephemeral message with the button {data!r}")
