"""Methods that send a place, a contact or a die."""

import random

from sandbox.telegram_api.errors import bad_request
from sandbox.telegram_api.parameters import Editing, Methods, Sending
from sandbox.telegram_api.world import JSON, World

from .sending import SendingToAll, post
from .texts import own_message, store_edited, with_keyboard

__all__ = ["DICE", "METHODS"]

# The highest value of each die.
DICE = {"🎲": 6, "🎯": 6, "🎳": 6, "🏀": 5, "⚽": 5, "🎰": 64}
LIVE_PERIODS = range(60, 86_401)


class SendLocation(SendingToAll, kw_only=True):
    latitude: float
    longitude: float
    horizontal_accuracy: float | None = None
    live_period: int | None = None
    heading: int | None = None
    proximity_alert_radius: int | None = None


def send_location(world: World, call: SendLocation) -> JSON:
    """Send a point on the map, which may move for `live_period` seconds. Returns Message."""
    if call.live_period is not None and call.live_period not in LIVE_PERIODS:
        raise bad_request("LIVE_PERIOD_INVALID")
    return post(world, call, {"location": _place(call.latitude, call.longitude, call)})


def _place(latitude: float, longitude: float, call: object) -> JSON:
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise bad_request("LOCATION_INVALID")
    moving = ("horizontal_accuracy", "live_period", "heading", "proximity_alert_radius")
    return {"latitude": latitude, "longitude": longitude} | _given(call, *moving)


def _given(call: object, *names: str) -> JSON:
    """Return those of the optional fields that a call has."""
    return {name: value for name in names if (value := getattr(call, name, None))}


class EditMessageLiveLocation(Editing, kw_only=True):
    latitude: float
    longitude: float
    horizontal_accuracy: float | None = None
    live_period: int | None = None
    heading: int | None = None
    proximity_alert_radius: int | None = None


def edit_live_location(world: World, call: EditMessageLiveLocation) -> JSON:
    """Move a live location. Returns Message."""
    old = _live(world, call)
    place = _place(call.latitude, call.longitude, call)
    place.setdefault("live_period", old["location"]["live_period"])
    return store_edited(world, old, with_keyboard(old | {"location": place}, call.reply_markup))


class StopMessageLiveLocation(Editing):
    pass


def stop_live_location(world: World, call: StopMessageLiveLocation) -> JSON:
    """End a live location before its time. Returns Message."""
    old = _live(world, call)
    place = {key: value for key, value in old["location"].items() if key != "live_period"}
    return store_edited(world, old, with_keyboard(old | {"location": place}, call.reply_markup))


def _live(world: World, call: Editing) -> JSON:
    message = own_message(world, call.chat_id, call.message_id)
    period = message.get("location", {}).get("live_period")
    if not period or message["date"] + period < world.now():
        raise bad_request("there is no live location in the message to edit")
    return message


class SendVenue(SendingToAll, kw_only=True):
    latitude: float
    longitude: float
    title: str
    address: str
    foursquare_id: str | None = None
    foursquare_type: str | None = None
    google_place_id: str | None = None
    google_place_type: str | None = None


def send_venue(world: World, call: SendVenue) -> JSON:
    """Send a named place. Returns Message."""
    place = _place(call.latitude, call.longitude, call)
    known_as = ("foursquare_id", "foursquare_type", "google_place_id", "google_place_type")
    venue = {"location": place, "title": call.title, "address": call.address}
    venue |= _given(call, *known_as)
    return post(world, call, {"venue": venue, "location": place})


class SendContact(SendingToAll, kw_only=True):
    phone_number: str
    first_name: str
    last_name: str | None = None
    vcard: str | None = None


def send_contact(world: World, call: SendContact) -> JSON:
    """Send a phone contact. Returns Message."""
    contact = {"phone_number": call.phone_number, "first_name": call.first_name}
    contact |= _given(call, "last_name", "vcard")
    return post(world, call, {"contact": contact})


class SendDice(Sending, kw_only=True):
    emoji: str = "🎲"


def send_dice(world: World, call: SendDice) -> JSON:
    """Send an emoji that shows a random value. Returns Message."""
    emoji = call.emoji.replace("\ufe0f", "")
    if emoji not in DICE:
        raise bad_request("dice emoji is unsupported")
    value = random.randint(1, DICE[emoji])  # noqa: S311 - a die
    content = {"dice": {"emoji": emoji, "value": value}}
    return post(world, call, content, permission="can_send_other_messages", things="dice")


METHODS: Methods = {
    SendLocation: send_location,
    EditMessageLiveLocation: edit_live_location,
    StopMessageLiveLocation: stop_live_location,
    SendVenue: send_venue,
    SendContact: send_contact,
    SendDice: send_dice,
}
