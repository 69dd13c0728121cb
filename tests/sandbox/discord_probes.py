"""Requests that the sandbox and simcord are both asked, by the same client."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from tests.support.discord_sandbox import discord

__all__ = ["PROBES_COUNT", "Place", "outcomes"]

#: The number of requests, which the page about the local Discord states.
PROBES_COUNT = 83
DAY_S = 86_400


@dataclass(frozen=True)
class Place:
    """The ids of a guild: its channel, people, roles below and above the bot's, and a message.

    The message is one of another author.
    """

    guild: int
    channel: int
    member: int
    owner: int
    low: int
    high: int
    managed: int
    message: int


class _Prober:
    """Asks, and notes the outcome of each request: "ok", or the status and Discord's code."""

    def __init__(self, client: discord.Client) -> None:
        self._http = client.http
        self.found: dict[str, str] = {}

    async def ask(self, name: str, method: str, path: str, **parts: Any) -> Any:
        assert name not in self.found
        try:
            answer = await self._http.request(discord.http.Route(method, path), **parts)
        except discord.HTTPException as error:
            self.found[name] = f"{error.status} {error.code}"
            return None
        self.found[name] = "ok"
        return answer


async def outcomes(client: discord.Client, place: Place) -> dict[str, str]:
    """Ask everything, in this order. Returns the outcomes by name."""
    one = _Prober(client)
    channel, guild = f"/channels/{place.channel}", f"/guilds/{place.guild}"
    message = await _messages(one, f"{channel}/messages")
    await _components(one, f"{channel}/messages")
    await _others(one, channel, guild, place)
    await _roles(one, guild, place)
    await _members(one, guild, place)
    await _channels(one, channel, guild, message)
    await _commands(one, f"/applications/{client.application_id}/commands")
    assert client.user is not None
    await one.ask(
        "a direct channel with itself",
        "POST",
        "/users/@me/channels",
        json={"recipient_id": str(client.user.id)},
    )
    await _last(one, channel, guild, place, message)
    assert len(one.found) == PROBES_COUNT
    return one.found


async def _messages(one: _Prober, path: str) -> int:
    """Texts, embeds and options of messages. Returns a message of the bot's own."""

    async def say(name: str, **body: Any) -> Any:
        return await one.ask(name, "POST", path, json=body)

    mine = await say("a message", content="hi")
    await say("a message without anything")
    await say("a message of blanks", content="  ")
    await say("2,001 characters", content="x" * 2001)
    await say("an embed's title of 257", embeds=[{"title": "x" * 257}])
    await say("11 embeds", embeds=[{"title": "x"}] * 11)
    await say("embeds of 6,002 together", embeds=[{"description": "x" * 3001}] * 2)
    await say("an embed without content", embeds=[{}])
    await say("a field without value", embeds=[{"fields": [{"name": "x"}]}])
    await say("a reply to nothing", content="x", message_reference={"message_id": "1"})
    await say("a nonce of 26", content="x", nonce="x" * 26)
    await say("the ephemeral flag", content="x", flags=64)
    await say("no notifications", content="x", flags=4096)
    return int(mine["id"])


async def _components(one: _Prober, path: str) -> None:
    def button(**more: Any) -> dict[str, Any]:
        return {"type": 2, "style": 1, "label": "x", **more}

    def row(*inside: Any) -> dict[str, Any]:
        return {"type": 1, "components": list(inside)}

    def options(*numbers: int) -> list[dict[str, str]]:
        return [{"label": f"l{number}", "value": f"v{number}"} for number in numbers]

    def select(*numbers: int, **more: Any) -> dict[str, Any]:
        return {"type": 3, "custom_id": "s", "options": options(*numbers), **more}

    async def say(name: str, *rows: Any) -> None:
        await one.ask(name, "POST", path, json={"content": "x", "components": list(rows)})

    await say("a button without id", row(button()))
    await say("the same id twice", row(button(custom_id="a"), button(custom_id="a")))
    await say("six buttons in a row", row(*[button(custom_id=f"{n}") for n in range(6)]))
    await say("six rows", *[row(button(custom_id=f"{n}")) for n in range(6)])
    await say("an empty row", row())
    await say("a label of 81", row(button(custom_id="a", label="x" * 81)))
    await say("a link with an id", row(button(style=5, url="https://a.example", custom_id="a")))
    await say("26 options to pick", row(select(*range(26))))
    await say("no option to pick", row(select()))
    await say("the same value twice", row(select(1, 1)))
    await say("more at least than at most", row(select(1, 2, min_values=2, max_values=1)))


async def _others(one: _Prober, channel: str, guild: str, place: Place) -> None:
    path = f"{channel}/messages"
    await one.ask(
        "another's message edited", "PATCH", f"{path}/{place.message}", json={"content": "y"}
    )
    await one.ask("another's message deleted", "DELETE", f"{path}/{place.message}")
    await one.ask("no such message", "GET", f"{path}/1")
    await one.ask("no such channel", "GET", "/channels/1")
    await one.ask("no such guild", "GET", "/guilds/1")
    await one.ask("no such user", "GET", "/users/1")
    await one.ask("a member who is no user", "GET", f"{guild}/members/1")
    await one.ask("a page of 101 messages", "GET", path, params={"limit": 101})
    await one.ask("a page of 0 messages", "GET", path, params={"limit": 0})


async def _roles(one: _Prober, guild: str, place: Place) -> None:
    def held(role: int, member: int = place.member) -> str:
        return f"{guild}/members/{member}/roles/{role}"

    await one.ask("a role given", "PUT", held(place.low))
    await one.ask("a role given again", "PUT", held(place.low))
    await one.ask("a role above the bot given", "PUT", held(place.high))
    await one.ask("a managed role given", "PUT", held(place.managed))
    await one.ask("@everyone given", "PUT", held(place.guild))
    await one.ask("no such role given", "PUT", held(1))
    await one.ask("a role for no user", "PUT", held(place.low, 1))
    await one.ask("a role taken that was not held", "DELETE", held(place.low, place.owner))
    unknown = {"roles": ["1"]}
    await one.ask(
        "a list with no such role", "PATCH", f"{guild}/members/{place.member}", json=unknown
    )
    strong = {"name": "x", "permissions": str(1 << 3)}
    await one.ask("a role with more rights than the bot", "POST", f"{guild}/roles", json=strong)
    await one.ask("a role's name of 101", "POST", f"{guild}/roles", json={"name": "x" * 101})
    await one.ask("@everyone deleted", "DELETE", f"{guild}/roles/{place.guild}")
    await one.ask("a managed role deleted", "DELETE", f"{guild}/roles/{place.managed}")
    await one.ask("a role above the bot deleted", "DELETE", f"{guild}/roles/{place.high}")


async def _members(one: _Prober, guild: str, place: Place) -> None:
    member, owner = f"{guild}/members/{place.member}", f"{guild}/members/{place.owner}"

    def until(days: int) -> dict[str, str]:
        moment = discord.utils.utcnow() + timedelta(days=days)
        return {"communication_disabled_until": moment.isoformat()}

    await one.ask("a kick of the owner", "DELETE", owner)
    await one.ask("a kick of no user", "DELETE", f"{guild}/members/1")
    await one.ask("a ban of no user", "PUT", f"{guild}/bans/1", json={})
    await one.ask("a ban lifted that is none", "DELETE", f"{guild}/bans/1")
    await one.ask("a nickname of 33", "PATCH", member, json={"nick": "x" * 33})
    await one.ask("a nickname for the owner", "PATCH", owner, json={"nick": "x"})
    await one.ask("a timeout of 29 days", "PATCH", member, json=until(29))
    await one.ask("a timeout of the owner", "PATCH", owner, json=until(1))


async def _channels(one: _Prober, channel: str, guild: str, message: int) -> None:
    path = f"{channel}/messages/{message}"
    await one.ask("an edit to nothing", "PATCH", path, json={"content": ""})
    await one.ask("a channel without name", "POST", f"{guild}/channels", json={"name": ""})
    await one.ask("slow mode of 21,601 s", "PATCH", channel, json={"rate_limit_per_user": 21_601})
    await one.ask("a reaction that is no emoji", "PUT", f"{path}/reactions/notanemoji/@me")
    await one.ask("a reaction", "PUT", f"{path}/reactions/%F0%9F%94%A5/@me")
    await one.ask("all reactions removed", "DELETE", f"{path}/reactions")
    bulk = f"{channel}/messages/bulk-delete"
    await one.ask("one message deleted at once", "POST", bulk, json={"messages": [f"{message}"]})
    many = {"messages": [f"{number}" for number in range(101)]}
    await one.ask("101 messages deleted at once", "POST", bulk, json=many)
    await one.ask(
        "a direct channel with no user", "POST", "/users/@me/channels", json={"recipient_id": "1"}
    )
    await one.ask("a thread", "POST", f"{path}/threads", json={"name": "t"})
    await one.ask("a second thread", "POST", f"{path}/threads", json={"name": "t"})
    long = {"name": "x" * 101, "type": 11}
    await one.ask("a thread's name of 101", "POST", f"{channel}/threads", json=long)


async def _commands(one: _Prober, path: str) -> None:
    def command(**more: Any) -> dict[str, Any]:
        return {"name": "one", "description": "d", "type": 1, **more}

    def option(name: str, **more: Any) -> dict[str, Any]:
        return {"type": 3, "name": name, "description": "d", **more}

    async def put(name: str, *commands: dict[str, Any]) -> None:
        await one.ask(name, "PUT", path, json=list(commands))

    await put("a command", command())
    await put("two commands of one name", command(), command())
    await put("a command in upper case", command(name="One"))
    await put("a command without description", {"name": "one", "type": 1})
    await put("a command's name of 33", command(name="x" * 33))
    await put("26 options", command(options=[option(f"o{number}") for number in range(26)]))
    await put("a required option last", command(options=[option("a"), option("b", required=True)]))
    await one.ask("the commands of another application", "GET", "/applications/1/commands")


async def _last(one: _Prober, channel: str, guild: str, place: Place, message: int) -> None:
    """Requests after which nothing may be asked: a ban and deletions among them."""
    await one.ask("a pin", "PUT", f"{channel}/messages/pins/{message}")
    await one.ask("typing", "POST", f"{channel}/typing")
    await one.ask("the audit log", "GET", f"{guild}/audit-logs")
    given = f"{guild}/members/{place.member}/roles/{place.low}"
    await one.ask("a reason of 513", "PUT", given, reason="x" * 513)
    long = {"delete_message_seconds": 8 * DAY_S}
    await one.ask(
        "messages of 8 days deleted with a ban", "PUT", f"{guild}/bans/{place.member}", json=long
    )
    await one.ask("a message deleted", "DELETE", f"{channel}/messages/{message}")
    await one.ask("a message deleted again", "DELETE", f"{channel}/messages/{message}")
