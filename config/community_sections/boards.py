"""`[boards]`: members whom no board lists."""

from collections.abc import Iterator
from typing import Annotated

import msgspec

from ..setting_error_texts import Problem

#: Accounts that the settings may leave out: a large team. Whole communities hide by /privacy.
LEFT_OUT_MAX = 1_000

AccountId = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]


class BoardSetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Accounts of people whom /top leaves out, such as the staff; their points stay."""

    leave_out_telegram: tuple[AccountId, ...] = ()
    leave_out_discord: tuple[AccountId, ...] = ()


def board_problems(setting: BoardSetting) -> Iterator[Problem]:
    """Name each list that is longer than any team."""
    for key in ("leave_out_telegram", "leave_out_discord"):
        found = len(getattr(setting, key))
        if found > LEFT_OUT_MAX:
            yield Problem(
                ("boards", key),
                f"boards.{key}: at most {LEFT_OUT_MAX} accounts are possible, found {found}",
            )
