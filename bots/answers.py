"""What the bots say: pure functions from values to texts."""

from collections.abc import Sequence

from config import Community
from db import LinkOutcome, Platform, Profile, Standing
from db.members.linking import CODE_LIFETIME_S, FAILURES_WINDOW_S

from .game import (
    NUMBER_MAX,
    NUMBER_MIN,
    TRIES_MAX,
    Explained,
    Lost,
    Missed,
    OutOfRange,
    Owed,
    Resting,
    Reward,
    Turn,
    Verdict,
    Won,
)
from .markup import Markup
from .texts import Texts, marked

BAR_CELLS = 10
# A Discord message holds 2,000 characters, so lists of what others wrote are bounded.
ACHIEVEMENTS_SHOWN_MAX = 10
NAME_CHARS_MAX = 32

MENU = (
    ("guess", marked("Guess my number and win XP")),
    ("profile", marked("Your XP, balance and rank")),
    ("why", marked("What changed your XP and balance, and why")),
    ("top", marked("The members with the most XP")),
    ("link", marked("Link your Telegram and Discord accounts")),
    ("help", marked("What I can do")),
)
"""The commands that a platform's menu shows, each with its description in English."""


def welcome(texts: Texts) -> str:
    """Answer /start."""
    return texts.gettext(
        "Hello! I keep XP, balance and ranks the same in our Telegram group and our Discord server."
        " Send /guess to play, /link to join your two accounts, /help for everything else."
    )


def menu(texts: Texts, mark: Markup) -> str:
    """Answer /help."""
    lines = [mark.bold(texts.gettext("What I can do"))]
    lines += [f"/{command} - {texts.gettext(description)}" for command, description in MENU]
    return "\n".join(lines)


def turn(taken: Turn, texts: Texts, mark: Markup, community: Community) -> str:
    """Answer /guess, without what a win adds up to."""
    match taken:
        case Explained(tries_left):
            return _rules(tries_left, texts)
        case Resting(seconds):
            return texts.ngettext(
                "You have just played. I will think of a new number in {count} second.",
                "You have just played. I will think of a new number in {count} seconds.",
                seconds,
            )
        case OutOfRange():
            return texts.gettext(
                "Please send a whole number from {least} to {most}, like this: /guess 7",
                least=NUMBER_MIN,
                most=NUMBER_MAX,
            )
        case Missed(guess, verdict, tries_left):
            return _miss(guess, verdict, tries_left, texts)
        case Lost(number):
            return texts.gettext(
                "Out of tries: it was {number}. Send /guess to play again.", number=number
            )
        case Owed(number):
            return texts.gettext(
                "Yes, it is {number}! But I cannot reach my records, so your win is not counted"
                " yet. Please send /guess again in a minute, and I will count it.",
                number=number,
            )
        case Won(number, reward):
            hit = texts.gettext("Yes, it is {number}!", number=number)
            return hit if reward is None else f"{hit}\n{_earned(reward, texts, mark, community)}"


def total(profile: Profile, texts: Texts, mark: Markup) -> str:
    """Say what a win adds up to."""
    xp = xp_text(profile.xp, texts)
    coins = coins_text(profile.balance, texts)
    if profile.rank_name is None:
        return texts.gettext("You have {xp} and {coins} now.", xp=xp, coins=coins)
    return texts.gettext(
        "You have {xp} and {coins} now, your rank is {rank}.",
        xp=xp,
        coins=coins,
        rank=mark.plain(profile.rank_name),
    )


def card(
    profile: Profile | None, name: str, texts: Texts, mark: Markup, community: Community
) -> str:
    """Answer /profile."""
    title = mark.bold(mark.plain(name))
    if profile is None:
        return f"{title}\n" + texts.gettext("Nothing earned yet. Send /guess to win your first XP.")
    lines = [title]
    if profile.rank_name is not None:
        lines.append(texts.gettext("Rank: {rank}", rank=mark.plain(profile.rank_name)))
    lines.append(texts.gettext("XP: {xp}", xp=profile.xp))
    lines.append(texts.gettext("Balance: {coins}", coins=coins_text(profile.balance, texts)))
    lines.append(_progress(profile, texts, mark))
    if profile.achievements:
        newest = profile.achievements[-ACHIEVEMENTS_SHOWN_MAX:]
        titles = [achievement_title(one.name, community) for one in newest]
        if len(newest) < len(profile.achievements):
            titles.insert(0, "…")
        lines.append(texts.gettext("Achievements: {list}", list=mark.plain(", ".join(titles))))
    lines.append(
        texts.gettext("Your Telegram and Discord accounts are linked.")
        if profile.linked
        else texts.gettext("Your other account is not linked yet: send /link.")
    )
    return "\n".join(lines)


def table(standings: Sequence[Standing], texts: Texts, mark: Markup) -> str:
    """Answer /top."""
    if not standings:
        return texts.gettext("Nobody has any XP yet. Send /guess and be the first.")
    lines = [mark.bold(texts.gettext("The members with the most XP"))]
    for one in standings:
        name = one.display_name or texts.gettext("somebody")
        rank = f" ({mark.plain(one.rank_name)})" if one.rank_name else ""
        shown = mark.plain(shortened(name))
        lines.append(f"{one.position}. {shown} - {xp_text(one.xp, texts)}{rank}")
    return "\n".join(lines)


def code(issued: str, other: str, texts: Texts, mark: Markup) -> str:
    """Answer /link with the code that was asked for; `other` is where it is to be sent."""
    lifetime = texts.ngettext(
        "The code works once, for {count} minute. Show it to nobody.",
        "The code works once, for {count} minutes. Show it to nobody.",
        CODE_LIFETIME_S // 60,
    )
    invitation = texts.gettext(
        "Your code: {code}\nNow send it to me on {other}: {command}",
        code=mark.code(issued),
        other=other,
        command=mark.code(f"/link {issued}"),
    )
    return f"{invitation}\n{lifetime}"


def linked(
    outcome: LinkOutcome, other: str, other_name: str | None, texts: Texts, mark: Markup
) -> str:
    """Answer /link with a code; `other` is where codes for this platform come from.

    Who was talked into sending somebody else's code learns from the name whom they are linked with.
    """
    match outcome:
        case LinkOutcome.LINKED:
            return texts.gettext(
                "Done: you and {name} on {other} are one member now, and everything earned on both"
                " is added up. Send /profile to see it. If that is not you, tell an administrator"
                " at once.",
                name=mark.bold(mark.plain(shortened(other_name or texts.gettext("somebody")))),
                other=other,
            )
        case LinkOutcome.WRONG_CODE:
            return texts.gettext(
                "This code does not work: it is mistyped, used or too old."
                " Send me /link on {other} for a new one.",
                other=other,
            )
        case LinkOutcome.SAME_PLATFORM:
            return texts.gettext("This code is for {other}: send it to me there.", other=other)
        case LinkOutcome.ALREADY_LINKED:
            return texts.gettext(
                "One of these two accounts is linked already, so nothing was changed."
            )
        case LinkOutcome.LOCKED_OUT:
            return texts.ngettext(
                "Too many wrong codes. Please wait {count} minute and try again.",
                "Too many wrong codes. Please wait {count} minutes and try again.",
                FAILURES_WINDOW_S // 60,
            )
        case LinkOutcome.PAUSED:
            return texts.gettext(
                "Linking is paused while the bot is being updated. Nothing was changed: please send"
                " the code again in a few minutes. If it is too old by then, send me /link on"
                " {other} for a new one.",
                other=other,
            )


def linking_paused(texts: Texts) -> str:
    """Answer /link without a code while no code could be redeemed."""
    return texts.gettext(
        "Linking is paused while the bot is being updated. Please send /link again in a few"
        " minutes."
    )


def link_in_private(texts: Texts, *, code_was_shown: bool) -> str:
    """Answer /link in a group, where everybody reads along."""
    answer = texts.gettext("Let us do this in private, so that nobody else sees your code.")
    if not code_was_shown:
        return answer
    return f"{answer} " + texts.gettext(
        "Others have seen this one, so send /link on Discord for a new code first."
    )


def code_void(issued_on: Platform, texts: Texts) -> str:
    """Answer in the group to a live code that everybody there could read."""
    if issued_on == "discord":
        return texts.gettext(
            "Everybody here could read this code, so I have made it void. Send /link on Discord for"
            " a new one, and then send that one to me in a private chat."
        )
    return texts.gettext(
        "Everybody here could read this code, so I have made it void. Send me /link in a private"
        " chat for a new one, and then send that one to me on Discord."
    )


def code_not_void_yet(texts: Texts) -> str:
    """Answer in the group to /link with a code while the record is away."""
    return texts.gettext(
        "I cannot reach my records right now, so this code may still work. I will make it void as"
        " soon as I can."
    )


def code_was_voided(texts: Texts) -> str:
    """Tell the owner of a code, in private, what became of it."""
    return texts.gettext(
        "The code that I gave you for linking your accounts was posted in our Telegram group, where"
        " everybody could read it. I have made it void, and nothing was linked with it. If you"
        " still want to link your accounts, send /link for a new code, and show it to nobody."
    )


def open_private(texts: Texts) -> str:
    """Label the button that leads from the group to the private chat."""
    return texts.gettext("Open the private chat")


def members_only(texts: Texts) -> str:
    """Answer somebody from outside the group who wants to play in private."""
    return texts.gettext("I play with members of our Telegram group: please join it first.")


def anonymous(texts: Texts) -> str:
    """Answer an administrator who writes in the name of the group."""
    return texts.gettext(
        "You are writing in the name of the group, so I cannot tell who you are."
        " Please turn anonymity off and try again."
    )


def away(texts: Texts) -> str:
    """Answer anything that needs the record while it is away."""
    return texts.gettext("I cannot reach my records right now. Please try again in a minute.")


def failed(texts: Texts) -> str:
    """Answer when something broke that should not."""
    return texts.gettext("Something went wrong on my side. It is noted; please try again later.")


def _rules(tries_left: int, texts: Texts) -> str:
    if tries_left < TRIES_MAX:
        return texts.ngettext(
            "I am still thinking of my number from {least} to {most}. You have {count} try left:"
            " send /guess and your number.",
            "I am still thinking of my number from {least} to {most}. You have {count} tries left:"
            " send /guess and your number.",
            tries_left,
            least=NUMBER_MIN,
            most=NUMBER_MAX,
        )
    return texts.ngettext(
        "I am thinking of a number from {least} to {most}. You have {count} try:"
        " send /guess and your number, like this: /guess 7",
        "I am thinking of a number from {least} to {most}. You have {count} tries:"
        " send /guess and your number, like this: /guess 7",
        tries_left,
        least=NUMBER_MIN,
        most=NUMBER_MAX,
    )


def _miss(guess: int, verdict: Verdict, tries_left: int, texts: Texts) -> str:
    hint = (
        texts.gettext("My number is higher than {guess}.", guess=guess)
        if verdict is Verdict.HIGHER
        else texts.gettext("My number is lower than {guess}.", guess=guess)
    )
    left = texts.ngettext("{count} try left.", "{count} tries left.", tries_left)
    return f"{hint} {left}"


def _earned(reward: Reward, texts: Texts, mark: Markup, community: Community) -> str:
    earned = texts.gettext(
        "You earned {xp} and {coins}.",
        xp=xp_text(reward.xp, texts),
        coins=coins_text(reward.balance, texts),
    )
    if reward.achievement is None:
        return earned
    unlocked = texts.gettext(
        "Achievement unlocked: {title}",
        title=mark.plain(achievement_title(reward.achievement, community)),
    )
    return f"{earned}\n{unlocked}{_bonus(reward.achievement, texts, community)}"


def _bonus(achievement: str, texts: Texts, community: Community) -> str:
    setting = community.achievement(achievement)
    if setting is None:
        return ""
    parts = [xp_text(setting.bonus_xp, texts)] if setting.bonus_xp else []
    parts += [coins_text(setting.bonus_balance, texts)] if setting.bonus_balance else []
    return f" (+ {', '.join(parts)})" if parts else ""


def _progress(profile: Profile, texts: Texts, mark: Markup) -> str:
    if profile.next_rank_xp is None or profile.next_rank_name is None:
        return texts.gettext("There is no higher rank: well done.")
    bar = progress_bar(profile.xp - profile.rank_xp, profile.next_rank_xp - profile.rank_xp)
    missing = texts.gettext(
        "{xp} to {rank}",
        xp=xp_text(profile.next_rank_xp - profile.xp, texts),
        rank=mark.plain(profile.next_rank_name),
    )
    return f"{bar} {missing}"


def progress_bar(done: int, whole: int) -> str:
    """Draw the way from one rank to the next; full only when all of it is done."""
    filled = max(0, min(BAR_CELLS, done * BAR_CELLS // whole)) if whole > 0 else BAR_CELLS
    return "▰" * filled + "▱" * (BAR_CELLS - filled)


def shortened(name: str) -> str:
    """Cut a name that would crowd out everything else."""
    return name if len(name) <= NAME_CHARS_MAX else f"{name[: NAME_CHARS_MAX - 1]}…"


def achievement_title(achievement: str, community: Community) -> str:
    """Return what people call an achievement."""
    setting = community.achievement(achievement)
    return setting.title if setting else achievement


def xp_text(amount: int, texts: Texts) -> str:
    """Return an amount of XP in words."""
    # In English XP has one form; in other languages it may have several.
    return texts.ngettext("{count} XP", "{count} XP", amount)


def coins_text(amount: int, texts: Texts) -> str:
    """Return an amount of coins in words."""
    return texts.ngettext("{count} coin", "{count} coins", amount)
