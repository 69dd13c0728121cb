"""The texts of /daily. Pure functions."""

from datetime import datetime

from bots.texts.amounts import coins_text, xp_text
from bots.texts.languages import Texts
from bots.texts.markup import Markup
from bots.texts.names import PLATFORM_NAMES, achievement_title
from config import Community
from db.rewards.daily import Claim
from schemas import Source


def answer(
    claim: Claim,
    platform: Source,
    now: datetime,
    texts: Texts,
    mark: Markup,
    community: Community,
) -> str:
    """Answer /daily on `platform`."""
    if claim.outcome == "least_xp":
        return texts.gettext(
            "The daily reward is for members who have earned {xp} or more. Take part a little, and"
            " it is yours.",
            xp=xp_text(community.daily.least_xp, texts),
        )
    lines = [
        _paid(claim, texts) if claim.outcome == "claimed" else _counted(claim, platform, texts)
    ]
    if claim.streak:
        lines.append(
            texts.ngettext("{count} day in a row.", "{count} days in a row.", claim.streak)
        )
    lines += _missed(claim, texts)
    for name in claim.unlocked:
        title = mark.plain(achievement_title(name, community, texts))
        lines.append(texts.gettext("Achievement unlocked: {title}", title=title))
    if claim.outcome == "claimed" and claim.streak == 1:
        lines += _prospects(texts, mark, community)
    lines.append(texts.gettext("The next one: {when}.", when=mark.until(claim.next_at, now, texts)))
    return "\n".join(lines)


def _amounts(xp: int, balance: int, texts: Texts) -> str:
    listed = [xp_text(xp, texts)] if xp else []
    listed += [coins_text(balance, texts)] if balance else []
    return ", ".join(f"+{one}" for one in listed)


def _paid(claim: Claim, texts: Texts) -> str:
    amounts = _amounts(claim.xp, claim.balance, texts)
    if not amounts:
        return texts.gettext("Today counts.")
    return texts.gettext("Your reward for today: {amounts}", amounts=amounts)


def _counted(claim: Claim, platform: Source, texts: Texts) -> str:
    amounts = _amounts(claim.xp, claim.balance, texts)
    is_elsewhere = claim.counted_by is not None and claim.counted_by != platform
    if not amounts:
        return texts.gettext("Today is counted already.")
    if is_elsewhere:
        assert claim.counted_by is not None
        return texts.gettext(
            "You have had today's reward already, on {other}: {amounts}",
            other=PLATFORM_NAMES[claim.counted_by],
            amounts=amounts,
        )
    return texts.gettext("You have had today's reward already: {amounts}", amounts=amounts)


def _missed(claim: Claim, texts: Texts) -> list[str]:
    """Say what became of a streak with missed days."""
    if claim.forgiven:
        forgiven = texts.ngettext(
            "You missed {count} day, and it is forgiven: your streak goes on.",
            "You missed {count} days, and they are forgiven: your streak goes on.",
            claim.forgiven,
        )
        left = texts.gettext(
            "Days that you may still miss this month: {count}.", count=claim.left_to_forgive
        )
        return [f"{forgiven} {left}"]
    if claim.lost > 1:
        return [
            texts.ngettext(
                "You missed a day, so your streak of {count} day ended, and a new one begins.",
                "You missed a day, so your streak of {count} days ended, and a new one begins.",
                claim.lost,
            )
        ]
    return []


def _prospects(texts: Texts, mark: Markup, community: Community) -> list[str]:
    """Say what the next days bring, at the beginning of a streak."""
    setting = community.daily
    xp = setting.xp_per_streak_day if setting.xp_streak_bonus_max else 0
    balance = setting.balance_per_streak_day if setting.balance_streak_bonus_max else 0
    lines = []
    if added := _amounts(xp, balance, texts):
        most = _amounts(
            setting.xp_streak_bonus_max if xp else 0,
            setting.balance_streak_bonus_max if balance else 0,
            texts,
        )
        lines.append(
            texts.gettext(
                "Each further day in a row adds to it: {added}, up to {most}.",
                added=added,
                most=most,
            )
        )
    if setting.milestones:
        name, days = min(setting.milestones.items(), key=lambda one: one[1])
        if days > 1:
            title = mark.plain(achievement_title(name, community, texts))
            lines.append(
                texts.ngettext(
                    "{count} day in a row unlocks “{title}”.",
                    "{count} days in a row unlock “{title}”.",
                    days,
                    title=title,
                )
            )
    return lines
