"""The texts of the guessing game. Pure functions."""

from typing import Final

from bots.texts.amounts import coins_text, xp_text
from bots.texts.buttons import PressButton, Rows
from bots.texts.languages import Texts
from bots.texts.markup import Markup
from bots.texts.names import achievement_title, rank_title, shown_name
from config import Community
from db.members.profiles import Profile

from .game import (
    NUMBER_MAX,
    NUMBER_MIN,
    TRIES_MAX,
    Board,
    Counting,
    Explained,
    Hint,
    Lost,
    Missed,
    OutOfRange,
    Owed,
    Restarted,
    Resting,
    Reward,
    Turn,
    Won,
)

#: The action of the number buttons.
GUESS: Final = "guess"
#: Buttons in a row: Discord shows five at most.
ROW_BUTTONS: Final = 5


def turn(taken: Turn, texts: Texts, mark: Markup, community: Community) -> str:
    """Answer /guess, without the member's new total after a win."""
    match taken:
        case Explained(tries_left):
            return _rules(tries_left, texts)
        case Restarted(tries_left):
            forgotten = texts.gettext("I do not remember that round, so here is a new one.")
            return f"{forgotten} {_rules(tries_left, texts)}"
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
        case Missed(guess, hint, tries_left):
            return _miss(guess, hint, tries_left, texts)
        case Lost(number):
            return texts.gettext(
                "Out of tries: my number was {number}. Send /guess to play again.", number=number
            )
        case Owed(number):
            return texts.gettext(
                "Yes, it is {number}! But I cannot reach my records, so your win is not counted"
                " yet. Please send /guess again in a minute, and I will count it.",
                number=number,
            )
        case Counting(number):
            return texts.gettext(
                "Yes, it is {number}! I am counting your win already.", number=number
            )
        case Won(number, reward):
            hit = texts.gettext("Yes, it is {number}!", number=number)
            return hit if reward is None else f"{hit}\n{_earned(reward, texts, mark, community)}"


def total(profile: Profile, texts: Texts, mark: Markup, community: Community) -> str:
    """Say what the member has after a win."""
    xp = xp_text(profile.xp, texts)
    coins = coins_text(profile.balance, texts)
    if profile.rank_name is None:
        return texts.gettext("You have {xp} and {coins} now.", xp=xp, coins=coins)
    return texts.gettext(
        "You have {xp} and {coins} now, your rank is {rank}.",
        xp=xp,
        coins=coins,
        rank=mark.plain(rank_title(profile.rank_name, community, texts)),
    )


def members_only(texts: Texts) -> str:
    """Answer an account outside the group that wants to play in private."""
    return texts.gettext("I play with members of our Telegram group: please join it first.")


def _rules(tries_left: int, texts: Texts) -> str:
    if tries_left < TRIES_MAX:
        return texts.ngettext(
            "I am still thinking of my number from {least} to {most}. You have {count} try left:"
            " press a number, or send /guess and the number.",
            "I am still thinking of my number from {least} to {most}. You have {count} tries left:"
            " press a number, or send /guess and the number.",
            tries_left,
            least=NUMBER_MIN,
            most=NUMBER_MAX,
        )
    return texts.ngettext(
        "I am thinking of a number from {least} to {most}. You have {count} try:"
        " press a number, or send it, like this: /guess 7",
        "I am thinking of a number from {least} to {most}. You have {count} tries:"
        " press a number, or send it, like this: /guess 7",
        tries_left,
        least=NUMBER_MIN,
        most=NUMBER_MAX,
    )


def buttons(board: Board | None) -> Rows:
    """Return the numbers to press, in rows of the same length on every screen."""
    if board is None:
        return ()
    pressed = [
        PressButton(str(number), GUESS, f"{board.token}.{number}") for number in board.numbers
    ]
    return tuple(
        tuple(pressed[first : first + ROW_BUTTONS]) for first in range(0, len(pressed), ROW_BUTTONS)
    )


def told_to_all(name: str, won: Won, texts: Texts, mark: Markup) -> str:
    """Tell a server of a game that its player won in private."""
    shown = mark.plain(shown_name(name, texts))
    if won.reward is None:
        return texts.gettext(
            "🎯 {name} has guessed my number: it was {number}.", name=shown, number=won.number
        )
    return texts.gettext(
        "🎯 {name} has guessed my number, {number}, and earns {xp} and {coins}.",
        name=shown,
        number=won.number,
        xp=xp_text(won.reward.xp, texts),
        coins=coins_text(won.reward.balance, texts),
    )


def _miss(guess: int, hint: Hint, tries_left: int, texts: Texts) -> str:
    direction = (
        texts.gettext("My number is higher than {guess}.", guess=guess)
        if hint is Hint.HIGHER
        else texts.gettext("My number is lower than {guess}.", guess=guess)
    )
    left = texts.ngettext("{count} try left.", "{count} tries left.", tries_left)
    return f"{direction} {left}"


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
        title=mark.plain(achievement_title(reward.achievement, community, texts)),
    )
    return f"{earned}\n{unlocked}{_bonus(reward.achievement, texts, community)}"


def _bonus(achievement: str, texts: Texts, community: Community) -> str:
    setting = community.achievement(achievement)
    if setting is None:
        return ""
    parts = [xp_text(setting.bonus_xp, texts)] if setting.bonus_xp else []
    parts += [coins_text(setting.bonus_balance, texts)] if setting.bonus_balance else []
    return f" (+ {', '.join(parts)})" if parts else ""
