"""Methods on polls and quizzes."""

from collections.abc import Sequence

from sandbox.telegram_api.errors import bad_request
from sandbox.telegram_api.parameters import Editing, MessageEntity, Methods, Nested, Sending
from sandbox.telegram_api.texts.formatting import formatted
from sandbox.telegram_api.texts.keyboards import inline_only
from sandbox.telegram_api.world import JSON, World

from .sending import post
from .texts import own_message

__all__ = ["METHODS", "poll_payload"]

QUESTION_LENGTH_MAX = 300
OPTION_LENGTH_MAX = 100
EXPLANATION_LENGTH_MAX = 200
OPTION_COUNTS = range(1, 13)


class InputPollOption(Nested):
    text: str
    text_parse_mode: str | None = None
    text_entities: list[MessageEntity] | None = None


class SendPoll(Sending, kw_only=True):
    question: str
    options: list[InputPollOption | str]
    question_parse_mode: str | None = None
    question_entities: list[MessageEntity] | None = None
    is_anonymous: bool = True
    type: str = "regular"
    allows_multiple_answers: bool = False
    correct_option_ids: list[int] | None = None
    correct_option_id: int | None = None
    explanation: str = ""
    explanation_parse_mode: str | None = None
    explanation_entities: list[MessageEntity] | None = None
    is_closed: bool = False


def send_poll(world: World, call: SendPoll) -> JSON:
    """Send a poll or quiz. Returns Message."""
    question, found = formatted(
        world.state, call.question, call.question_parse_mode, call.question_entities
    )
    if len(question) > QUESTION_LENGTH_MAX:
        raise bad_request("poll question is too long")
    if len(call.options) not in OPTION_COUNTS:
        raise bad_request("poll must have 1 to 12 options")
    if call.type not in ("regular", "quiz"):
        raise bad_request("unsupported poll type specified")
    poll: JSON = {
        "id": str(5_000_000_000_000_000_000 + world.made()),
        "question": question,
        "options": [_option(world, option, place) for place, option in enumerate(call.options)],
        "total_voter_count": 0,
        "is_closed": call.is_closed,
        "is_anonymous": call.is_anonymous,
        "type": call.type,
        "allows_multiple_answers": call.allows_multiple_answers,
        "allows_revoting": call.type == "regular",
        "members_only": False,
    }
    if found:
        poll["question_entities"] = found
    if call.type == "quiz":
        poll |= _quiz_fields(world, call)
    message = post(world, call, {"poll": poll}, permission="can_send_polls", things="polls")
    place = {"chat_id": message["chat"]["id"], "message_id": message["message_id"]}
    world.state.polls[poll["id"]] = {**place, "bot_id": world.bot_id, "votes": {}}
    return message


def _option(world: World, option: InputPollOption | str, place: int) -> JSON:
    if isinstance(option, str):
        option = InputPollOption(text=option)
    text, found = formatted(world.state, option.text, option.text_parse_mode, option.text_entities)
    if len(text) > OPTION_LENGTH_MAX:
        raise bad_request("poll options length must not exceed 100")
    built: JSON = {"persistent_id": str(place), "text": text, "voter_count": 0}
    return built | ({"text_entities": found} if found else {})


def _quiz_fields(world: World, call: SendPoll) -> JSON:
    correct: Sequence[int] = call.correct_option_ids or (
        [call.correct_option_id] if call.correct_option_id is not None else []
    )
    if not correct or any(not 0 <= one < len(call.options) for one in correct):
        raise bad_request("poll must have a correct option")
    fields: JSON = {"correct_option_ids": list(correct), "correct_option_id": correct[0]}
    if call.explanation:
        text, found = formatted(
            world.state, call.explanation, call.explanation_parse_mode, call.explanation_entities
        )
        if len(text) > EXPLANATION_LENGTH_MAX:
            raise bad_request("poll explanation is too long")
        fields |= {"explanation": text, "explanation_entities": found}
    return fields


class StopPoll(Editing):
    pass


def stop_poll(world: World, call: StopPoll) -> JSON:
    """Close a poll of the bot, which gets its new state as an update, too. Returns Poll."""
    message = own_message(world, call.chat_id, call.message_id)
    if "poll" not in message:
        raise bad_request("message with poll to stop not found")
    if message["poll"]["is_closed"]:
        raise bad_request("poll has already been closed")
    message["poll"]["is_closed"] = True
    message.pop("reply_markup", None)
    private = message["chat"]["type"] == "private"
    if keyboard := inline_only(call.reply_markup, private=private):
        message["reply_markup"] = keyboard
    poll: JSON = message["poll"]
    world.emit("poll", poll)
    return poll


def poll_payload(poll: JSON, votes: dict[str, list[int]]) -> JSON:
    """Return the poll with its votes counted."""
    chosen = [place for options in votes.values() for place in options]
    options = [
        option | {"voter_count": chosen.count(place)}
        for place, option in enumerate(poll["options"])
    ]
    voters = sum(bool(options) for options in votes.values())
    return poll | {"options": options, "total_voter_count": voters}


METHODS: Methods = {SendPoll: send_poll, StopPoll: stop_poll}
