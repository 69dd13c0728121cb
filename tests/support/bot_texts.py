"""The languages, markups and community with which texts of the bots are tested."""

import warnings

import pytest

from bots.telegram_bot.markup import TelegramMarkup
from bots.texts.languages import Languages
from config import AchievementSetting, Community, Rank
from config.community import DiscordSetting, ReasonTexts, TelegramSetting

with warnings.catch_warnings():
    # discord.py 2.7.1 imports audioop, which Python 3.11 and 3.12 deprecate.
    warnings.simplefilter("ignore", DeprecationWarning)
    from bots.discord_bot.markup import DiscordMarkup

LANGUAGES = Languages.load()
ENGLISH = LANGUAGES.speak("en")
RUSSIAN = LANGUAGES.speak("ru")
TELEGRAM = TelegramMarkup()
DISCORD = DiscordMarkup()
COMMUNITY = Community(
    telegram=TelegramSetting(chat_id=-1001),
    discord=DiscordSetting(guild_id=1),
    ranks=(Rank(name="Newcomer", xp=10, name_ru="Новичок"), Rank(name="Regular", xp=30)),
    achievements=(
        AchievementSetting(name="lucky_guess", title="Lucky guess", title_ru="Удачная догадка"),
    ),
    reasons={"daily": "daily reward", "quest": ReasonTexts(en="quest", ru="задание")},
)

in_every_language = pytest.mark.parametrize(
    "texts", list(LANGUAGES), ids=lambda texts: texts.language
)
on_every_platform = pytest.mark.parametrize(
    "mark", [TELEGRAM, DISCORD], ids=lambda mark: type(mark).__name__
)
