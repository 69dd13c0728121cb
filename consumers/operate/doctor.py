"""`doctor`: checks everything that twinstream depends on; says what is wrong and how to fix it.

It only reads. The consumers find the same troubles, each at its own time; the doctor finds all at
once.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
from rich.text import Text

from bus import (
    SOURCES,
    BusError,
    BusUnavailable,
    Client,
    CommandRefused,
    GroupMissing,
    Keys,
    Lag,
    connect,
    measure_lag,
)
from bus.client import protection
from bus.errors import translated
from config import Community, ConfigError, Settings, masking
from config.community import StoreSetting
from config.outside_text.terminal import Terminal
from consumers.display.port import CannotShow, Hindrances
from consumers.reconcile.history_import import HistoryImport
from consumers.runtime.operator_commands import command, destroy_group
from consumers.runtime.runner import NotYet
from db import DbError, Platform, Store, encryption, open_pool, open_stores, stop_signs
from db.errors import catch_up, mapped_errors
from db.members import forgetting, forgotten_list
from db.reconcile import drift
from db.reconcile.drift import Held
from db.sessions import notifications
from db.sessions.own_session import Pooled
from db.stores import store_debts
from db.stores.store_debts import SetAside
from db.upkeep import overview, status
from db.upkeep.overview import ParkedPlace

#: The oldest Redis that has the commands which the bus needs.
REDIS_VERSION_MIN = (7, 0)
#: Running consumers settle or claim every entry within a minute.
WAITING_MS_MAX = 60_000
#: Running consumers ask for entries every few seconds at most (`block_ms`).
SILENT_MS_MAX = 60_000
#: Seconds for a connection to Postgres: an operator waits for no more. That to Redis takes as long.
CONNECT_S_MAX = 5.0
#: Accounts of a bot's own table that are compared with the ledger: reading them takes a moment.
ROWS_LOOKED_AT = 1_000

#: The end of a text on processes that share a login: it names the protection that they lack.
WHAT_IS_MISSING = (
    "no permission keeps a process from changing the ledger or from recording for the other"
    " platform (`make roles`, docs/operate.md)"
)

NOTIFICATIONS = "notifications of Postgres"

#: The spelling of an address for TLS that proves the server.
POSTGRES_BY_TLS = "write sslmode=verify-full&sslrootcert=... in DATABASE_URL (docs/secrets.md)"
REDIS_BY_TLS = "write rediss://...?ssl_ca_certs=... in REDIS_URL (docs/secrets.md)"

#: The things that are left out where their server cannot be asked.
ON_POSTGRES = (
    *("roles", "sequences", "events", "reconcile", "announcements", "notifications"),
    *("forgetting", "stores"),
)
ON_REDIS = ("maxmemory-policy", "streams", "consumers")

EXIT_CODE_FINE = 0
EXIT_CODE_WRONG = 1


class Diagnosis(NamedTuple):
    """The result for one thing. `remedy` says what is wrong and how to fix it, if anything is."""

    what: str
    remedy: str | None = None
    note: str = ""
    is_left_out: bool = False
    """Whether it could not be looked at, for a reason that another diagnosis tells."""

    @property
    def verdict(self) -> Text:
        if self.is_left_out:
            return Text("skip ", style="yellow")
        return Text("fine ", "green") if self.remedy is None else Text("wrong", "red")


Diagnoses = AsyncIterator[Diagnosis]


async def run(settings: Settings, console: Terminal) -> int:
    """Print every diagnosis as it is made. Returns the exit code: 0 if all is fine."""
    wrong = 0
    mask = masking(settings.secrets())
    async for diagnosis in examine(settings):
        wrong += diagnosis.remedy is not None
        said = (
            f": {diagnosis.remedy or diagnosis.note}" if diagnosis.remedy or diagnosis.note else ""
        )
        # Only a verdict begins a line: no text from outside can look like one.
        line = mask(f"{diagnosis.what}{said}").replace("\n", "\n      ")
        console.print(diagnosis.verdict, line, soft_wrap=True)
    return EXIT_CODE_WRONG if wrong else EXIT_CODE_FINE


async def examine(settings: Settings) -> Diagnoses:
    """Check everything; a server that cannot be reached is a diagnosis, and the rest goes on."""
    try:
        community = Community.from_toml(Path(settings.twinstream_config))
    except ConfigError as error:
        yield Diagnosis(settings.twinstream_config, str(error))
        return
    yield Diagnosis(settings.twinstream_config, note=f"{len(community.ranks)} ranks")
    for what, found, needing in (
        ("Postgres", _on_postgres(settings, community), ON_POSTGRES),
        ("Redis", _redis(settings), ON_REDIS),
        ("Telegram", _telegram(settings, community), ()),
        ("Discord", _discord(settings, community), ()),
    ):
        async for diagnosis in _to_the_end(what, found, needing):
            yield diagnosis


async def _to_the_end(what: str, found: Diagnoses, needing: Sequence[str] = ()) -> Diagnoses:
    """Add the error with which a check ends, and what is left out where that is all it says."""
    is_asked = False
    try:
        async for diagnosis in found:
            is_asked = True
            yield diagnosis
    except BusUnavailable as error:
        yield Diagnosis(what, f"{error}; see that it runs, and that REDIS_URL is right")
    except (ConfigError, DbError, BusError, CannotShow, NotYet) as error:
        yield Diagnosis(what, str(error))
    if needing and not is_asked:
        yield _left_out(needing, what)


def _left_out(things: Sequence[str], server: str) -> Diagnosis:
    return Diagnosis(f"{', '.join(things)}, which need {server}", is_left_out=True)


async def _on_postgres(settings: Settings, community: Community) -> Diagnoses:
    settings.require("database_url")
    url = settings.database_url or ""
    async with await open_pool(url, name="doctor", size_max=1, connect_s=CONNECT_S_MAX) as pool:
        checks = {
            "Postgres": _postgres(pool, url),
            NOTIFICATIONS: _notifications(settings, community),
            "forgetting": _forgetting(pool, settings),
            "stores": _stores(pool, community),
        }
        while checks:
            what = next(iter(checks))
            is_fine = True
            async for diagnosis in _to_the_end(what, _mapped(checks.pop(what))):
                yield diagnosis
                is_fine = is_fine and diagnosis.remedy is None
            if checks and not is_fine and not await _answers(pool):
                yield _left_out(list(checks), "Postgres")
                return


async def _mapped(found: Diagnoses) -> Diagnoses:
    """Map the errors of a check of Postgres: each may have to connect again, and say why not."""
    with mapped_errors():
        async for diagnosis in found:
            yield diagnosis


async def _answers(pool: asyncpg.Pool) -> bool:
    """Tell whether Postgres is still there: a check can end in an error for other reasons, too."""
    try:
        await _version(pool)
    except DbError:
        return False
    return True


async def _postgres(pool: asyncpg.Pool, url: str) -> Diagnoses:
    yield Diagnosis("Postgres and its migrations", note=await _version(pool))
    async with pool.acquire() as conn:
        counts = await status.events_by_status(conn)
        stopped = await stop_signs.read(conn)
        held = await drift.held(conn)
        roles = await status.roles(conn)
        mighty = await status.processes_of_the_owner(conn)
        behind = await status.sequences_behind(conn)
        places = await overview.parked_places(conn)
        protected = await encryption.protection(conn, url)
    if note := _protection_note(*protected, POSTGRES_BY_TLS):
        yield Diagnosis("connection to Postgres", note=note)
    for table in behind:
        yield Diagnosis(
            f"sequence of {table}",
            f"it is behind the rows of the table, so new ones are refused: run {catch_up(table)}",
        )
    yield Diagnosis("roles of Postgres", note=_roles_note(roles, mighty))
    buried = counts.get("failed", 0)
    remedy = f"{buried} buried: see {command('dead', 'list')}" if buried else None
    yield Diagnosis("events", remedy, ", ".join(f"{n} {name}" for name, n in counts.items()))
    yield Diagnosis("reconcile", _held_remedy([one for one in held if one.held_for != "history"]))
    for place in places:
        yield Diagnosis(f"announcements on {place.platform}", _place_remedy(place))
    if stopped is not None:
        yield Diagnosis("stop sign", _stop_sign_remedy(stopped))


async def _notifications(settings: Settings, community: Community) -> Diagnoses:
    """Look for a pooler that loses the notifications of commits.

    No remedy: the relay finds the events without them, only later.
    """
    address, setting = settings.session_address()
    try:
        await notifications.require_session(address, setting=setting, connect_s=CONNECT_S_MAX)
    except Pooled as error:
        wait_ms = community.consumers.relay_interval_ms
        note = f"{error}; until then events of SQL callers wait up to {wait_ms} ms"
        yield Diagnosis(NOTIFICATIONS, note=note)
    else:
        yield Diagnosis(NOTIFICATIONS)


async def _forgetting(pool: asyncpg.Pool, settings: Settings) -> Diagnoses:
    """Look at requests to be forgotten, and at the list beside the backups."""
    path = settings.twinstream_forgotten_list
    async with pool.acquire() as conn:
        waiting = await forgetting.waiting(conn)
        failed = await forgetting.failed(conn)
        if path is not None:
            await forgotten_list.require_applied(conn, Path(path))
    for one in failed:
        yield Diagnosis(
            "forgetting", f"{one.platform}:{one.account_id} could not be forgotten: {one.error}"
        )
    if settings.forget_secret is None:
        what = "set FORGET_SECRET (docs/privacy.md)"
        yield Diagnosis(
            "forgetting",
            f"{waiting} members wait to be forgotten: {what}" if waiting else None,
            f"members cannot have themselves forgotten: {what}",
        )
    elif not failed:
        yield Diagnosis("forgetting", note="no list beside the backups" if path is None else path)


def _protection_note(is_local: bool, is_encrypted: bool, is_verified: bool, how: str) -> str:
    """Say how a connection to another machine is protected. Pure.

    No remedy: a private network, such as that of Compose, needs no encryption.
    """
    if is_local:
        return ""
    if not is_encrypted:
        return f"not encrypted, so only for a network that you trust; else {how}"
    if not is_verified:
        return (
            "encrypted, but the certificate is not verified, so another program on the way can pass"
            f" as the server: {how}"
        )
    return "encrypted, and the certificate of the server is verified"


def _roles_note(roles: Sequence[str], mighty: Sequence[str]) -> str:
    if mighty:
        return f"{', '.join(mighty)} connected as the owner: {WHAT_IS_MISSING}"
    return ", ".join(roles) or f"none, so one login does everything: {WHAT_IS_MISSING}"


def _held_remedy(held: Sequence[Held]) -> str | None:
    """Say what waits for the operator, apart from history, of which the stores tell."""
    if not held:
        return None
    where = ", ".join(f"{one.findings} in {one.platform}'s {one.subject}" for one in held)
    return (
        f"differences are held until you decide, and not repaired: {where};"
        f" {command('reconcile', '--now', '--dry-run')} lists them, and"
        f" {command('reconcile', '--now', '--accept')} repairs them"
    )


def _place_remedy(place: ParkedPlace) -> str:
    """Say where announcements wait, and what lets them go on. Pure."""
    return (
        f"they wait for {place.place}, because {place.cause} ({place.error}): mend it there, or"
        " name another place in [announcements] of twinstream.toml; the bot tries again within two"
        " minutes"
    )


def _stop_sign_remedy(reason: str) -> str:
    said = f"release {stop_signs.OBEYED}, which this is, links and reconciles no more: {reason}"
    if reason == stop_signs.MOVING:
        return f"{said} (docs/upgrade.md)"
    return f"{said}; run a newer release, or delete the row of stop_signs (docs/operate.md)"


async def _stores(pool: asyncpg.Pool, community: Community) -> Diagnoses:
    stores = community.stores.by_platform()
    names = [name for name, store in stores.items() if store is not None]
    opened = await open_stores(pool, stores)
    async with pool.acquire() as conn:
        refused = await store_debts.set_aside(conn)
        held = await drift.held(conn)
    histories = [
        await _history(pool, platform, store, stores[platform], held)
        for platform, store in opened.items()
    ]
    yield Diagnosis("stores", note=f"tables of their own: {', '.join(names) or 'none'}")
    for diagnosis in histories:
        yield diagnosis
    for one in refused:
        yield _owed(one, is_connected=one.platform in opened)


def _owed(one: SetAside, *, is_connected: bool) -> Diagnosis:
    """Tell of members whose rows do not take what they are owed. Pure."""
    what = f"store of {one.platform}"
    owed = (
        f"{one.members} members are owed what their rows do not take, such as account"
        f" {one.account_id}: {one.error}"
    )
    if is_connected:
        return Diagnosis(what, f"{owed}; it is paid within minutes once that is fixed")
    return Diagnosis(
        what, note=f"{owed}; it waits: twinstream.toml has no [stores.{one.platform}] any more"
    )


async def _history(
    pool: asyncpg.Pool,
    platform: Platform,
    store: Store,
    setting: StoreSetting | None,
    held: Sequence[Held],
) -> Diagnosis:
    """Look for history at the beginning of a table, where no pass has been yet, and in findings."""
    looking = HistoryImport(
        pool, platform, store, setting=setting, dry_run=True, page_rows=ROWS_LOOKED_AT
    )
    await looking.step()
    members = looking.totals.members
    findings = sum(
        one.findings for one in held if (one.platform, one.held_for) == (platform, "history")
    )
    what = f"history in {platform.capitalize()}'s table"
    if not members and not findings:
        return Diagnosis(what, note="none that is not imported")
    seen = f"{findings} findings are held" if findings else f"{members} members or more have some"
    return Diagnosis(
        what,
        f"{seen}: XP or balance from before twinstream, which ranks and the other platform do not"
        f" count yet; {command('import-history', platform, '--dry-run')} shows it, and"
        f" {command('import-history', platform)} imports it",
    )


async def _version(pool: asyncpg.Pool) -> str:
    with mapped_errors():
        version = await pool.fetchval("SHOW server_version", timeout=CONNECT_S_MAX)
    return f"Postgres {version}"


async def _redis(settings: Settings) -> Diagnoses:
    settings.require("redis_url")
    redis = connect(settings.redis_url or "", name="twinstream/doctor")
    keys = Keys()
    try:
        with translated():
            info: dict[str, Any] = await redis.info()
        yield _redis_version(info)
        if note := _protection_note(*protection(settings.redis_url or ""), REDIS_BY_TLS):
            yield Diagnosis("connection to Redis", note=note)
        yield _redis_policy(info)
        for source in SOURCES:
            yield await _stream(redis, keys, source)
    finally:
        await redis.aclose()


def _redis_version(info: dict[str, Any]) -> Diagnosis:
    version = str(info.get("redis_version", "0"))
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
    if numbers < REDIS_VERSION_MIN:
        return Diagnosis("Redis", f"it is version {version}: run Redis 7.0 or newer, or Valkey")
    name = f"Valkey {info['valkey_version']}" if "valkey_version" in info else f"Redis {version}"
    return Diagnosis("Redis", note=name)


def _redis_policy(info: dict[str, Any]) -> Diagnosis:
    policy = info.get("maxmemory_policy", "noeviction")
    if policy == "noeviction":
        return Diagnosis("maxmemory-policy", note=policy)
    return Diagnosis(
        "maxmemory-policy",
        f"it is {policy}, which throws events away when memory is short: run"
        " `redis-cli CONFIG SET maxmemory-policy noeviction`, and set it in redis.conf too",
    )


async def _stream(redis: Client, keys: Keys, source: Platform) -> Diagnosis:
    stream, group = subscription = keys.subscription(source)
    what = f"stream {stream}, group {group}"
    try:
        return _group(what, stream, await measure_lag(redis, subscription))
    except GroupMissing:
        return Diagnosis(what, "it is not there: start the consumers, which make it")
    except CommandRefused as error:
        return Diagnosis(what, str(error))


def _group(what: str, stream: str, lag: Lag) -> Diagnosis:
    if lag.trouble is not None:
        return Diagnosis(
            what,
            f"it {lag.trouble}, so a sender chose an id or Redis's clock was wrong: see that the"
            f" clock is right and that senders add with `*`, then run {command('rebuild')} for new"
            " ids",
        )
    if lag.is_beyond_end:
        return Diagnosis(
            what,
            "the group was set after the end of the stream, so it gets nothing: the relay puts it"
            " back; see that it runs",
        )
    if not any(one.idle_ms <= SILENT_MS_MAX for one in lag.consumers):
        return Diagnosis(
            what,
            f"nothing has read it for {SILENT_MS_MAX // 1_000} s: start the consumers, or see in"
            " their log why they do not read",
        )
    holder = lag.held_by
    if holder is not None and holder.has_stopped:
        return Diagnosis(
            what,
            f"the group {holder.group} of another program has not acknowledged what ours has, so"
            f" {lag.entries} entries cannot be trimmed: have that program read on, or remove its"
            f" group with {destroy_group(stream, holder.group)}",
        )
    waiting_ms = max(lag.oldest_unread_ms or 0, lag.oldest_unacknowledged_ms or 0)
    if waiting_ms > WAITING_MS_MAX:
        return Diagnosis(
            what,
            f"{lag.unread + lag.unacknowledged} entries wait, the oldest for"
            f" {waiting_ms // 1_000} s: see that the consumers run, and read their log",
        )
    return Diagnosis(what, note=f"{lag.unread} unread, {lag.unacknowledged} unacknowledged")


async def _telegram(settings: Settings, community: Community) -> Diagnoses:
    settings.require("telegram_token")
    from consumers.display.telegram_tags import errors, tags  # aiogram takes seconds to import

    async with tags.open_bot(settings) as bot:
        with errors.mapped_errors():
            me = await bot.me()
            hook = await bot.get_webhook_info()
        yield Diagnosis("TELEGRAM_TOKEN", note=f"@{me.username}")
        display = tags.TelegramTags(bot, community)
        for diagnosis in await _hindrances("rights in the Telegram group", display.survey):
            yield diagnosis
        if display.group.remedy is not None:
            yield Diagnosis("telegram.chat_id", display.group.remedy)
        reads_all = bool(me.can_read_all_group_messages)
        yield await _messages_on_telegram(bot, community, reads_all=reads_all)
        yield await _reactions_on_telegram(bot, community, hook.allowed_updates)
    if hook.url:
        remedy = "a webhook is set for the token, so nothing can be polled: call deleteWebhook"
        yield Diagnosis("Telegram updates", remedy)
    elif hook.allowed_updates and "chat_member" not in hook.allowed_updates:
        remedy = (
            "chat_member is not among the allowed updates, so nobody hears who joins: stop what"
            " else polls with this token, and start the Telegram bot again"
        )
        yield Diagnosis("Telegram updates", remedy)
    else:
        yield Diagnosis("Telegram updates")


async def _discord(settings: Settings, community: Community) -> Diagnoses:
    settings.require("discord_token")
    from consumers.display.discord_roles import errors, roles  # discord.py takes its time to import

    async with roles.open_client(settings) as client:
        with errors.mapped_errors():
            application = await client.application_info()
        yield Diagnosis("DISCORD_TOKEN", note=str(client.user))
        flags = application.flags
        if community.discord.watch_members and not (
            flags.gateway_guild_members or flags.gateway_guild_members_limited
        ):
            remedy = (
                "watch_members needs the Server Members Intent: switch it on on the application's"
                " Bot page, or set watch_members = false"
            )
            yield Diagnosis("Discord intents", remedy)
        else:
            yield Diagnosis("Discord intents", note=_who_tells_of_leaving(community))
        is_readable = flags.gateway_message_content or flags.gateway_message_content_limited
        yield _messages_on_discord(community, is_readable=is_readable)
        yield _voice_and_thanks_on_discord(community)
        if community.invites.enabled:
            yield Diagnosis(
                "Discord invitations",
                note="Discord does not say by whom a member came, so only those in Telegram pay",
            )
        display = roles.DiscordRoles(client, community)
        for diagnosis in await _hindrances("roles in the Discord server", display.survey):
            yield diagnosis
        for key, channel_id in community.announcements.discord_channels().items():
            trouble = await roles.channel_trouble(client, channel_id, key)
            yield Diagnosis("channel for announcements", trouble)


def _who_tells_of_leaving(community: Community) -> str:
    """Say when boards leave out a member who left the server."""
    if community.discord.watch_members:
        return "boards leave out who leaves the server at once"
    return (
        "boards leave out who left the server when a visit finds them gone: watch_members = true"
        " does so at once, and needs the Server Members Intent"
    )


def _messages_on_discord(community: Community, *, is_readable: bool) -> Diagnosis:
    """Say how messages on Discord earn XP, and whether the bot may read them. Pure."""
    what = "messages on Discord"
    if community.discord.read_messages and not is_readable:
        return Diagnosis(
            what,
            "read_messages needs the Message Content Intent: switch it on on the application's Bot"
            " page, or set read_messages = false",
        )
    if not community.earning.messages.enabled:
        return Diagnosis(what, note="they earn no XP")
    if community.discord.read_messages:
        return Diagnosis(what, note="they earn XP, and short or repeated ones earn none")
    return Diagnosis(
        what,
        note="they earn XP whatever they say: with read_messages = true, which needs the Message"
        " Content Intent, short and repeated ones earn none",
    )


async def _messages_on_telegram(bot: Any, community: Community, *, reads_all: bool) -> Diagnosis:
    """Say in which chats the bot hears every message: where it is an administrator, or any."""
    from consumers.display.telegram_tags import errors

    what = "messages on Telegram"
    messages = community.earning.messages
    if not messages.enabled:
        return Diagnosis(what, note="they earn no XP")
    deaf = []
    for chat_id in sorted({community.telegram.chat_id, *messages.telegram_chats}):
        try:
            with errors.mapped_errors():
                member = await bot.get_chat_member(chat_id, bot.id)
        except CannotShow as error:
            deaf.append(f"{chat_id} ({error})")
            continue
        is_there = member.status in ("member", "restricted")
        if member.status != "administrator" and not (reads_all and is_there):
            deaf.append(str(chat_id))
    if not deaf:
        return Diagnosis(what, note="they earn XP")
    return Diagnosis(
        what,
        f"the bot does not hear what members write in {', '.join(deaf)}: make it an administrator"
        " there, or switch off its privacy mode (@BotFather, /setprivacy) and add it again",
    )


def _voice_and_thanks_on_discord(community: Community) -> Diagnosis:
    """Say what of voice, reactions and thanks counts on Discord. None needs a right. Pure."""
    earning = community.earning
    counts = {
        "time in voice channels": earning.voice.enabled,
        "reactions in channels that the bot sees": earning.reactions.enabled,
        "/thanks": earning.thanks.enabled,
        "words of thanks in replies": earning.thanks.enabled and community.discord.read_messages,
    }
    said = [what for what, does in counts.items() if does]
    note = f"{', '.join(said)}" if said else "nothing of them counts"
    if earning.thanks.enabled and not community.discord.read_messages:
        note += "; words of thanks in replies need read_messages = true"
    return Diagnosis("voice, reactions and thanks on Discord", note=note)


async def _reactions_on_telegram(
    bot: Any, community: Community, allowed_updates: Sequence[str] | None
) -> Diagnosis:
    """Say whether Telegram tells the bot of reactions: it must be an administrator, and ask."""
    from consumers.display.telegram_tags import errors

    what = "reactions on Telegram"
    if not community.earning.reactions.enabled:
        return Diagnosis(what, note="they earn no XP")
    group_id = community.telegram.chat_id
    try:
        with errors.mapped_errors():
            member = await bot.get_chat_member(group_id, bot.id)
    except CannotShow as error:
        return Diagnosis(what, str(error))
    if member.status != "administrator":
        return Diagnosis(
            what,
            "Telegram tells only administrators of reactions: make the bot an administrator of"
            f" {group_id}, or set enabled = false in [earning.reactions]",
        )
    if allowed_updates and "message_reaction" not in allowed_updates:
        return Diagnosis(
            what,
            "message_reaction is not among the allowed updates: stop what else polls with this"
            " token, and start the Telegram bot again",
        )
    return Diagnosis(what, note="they earn XP")


async def _hindrances(what: str, survey: Callable[[], Awaitable[Hindrances]]) -> list[Diagnosis]:
    try:
        found = await survey()
    except CannotShow as error:
        return [Diagnosis(what, str(error))]
    if found.everyone is not None:
        return [Diagnosis(what, found.everyone)]
    return [Diagnosis(what, why) for why in found.causes.values()] or [Diagnosis(what)]
