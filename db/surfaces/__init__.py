"""Surfaces: where members see a rank or an achievement, as it is wanted, shown and announced.

The display role and the bots call `visits`, `observed` and `announcements`; other rooms of `db`
change what is wanted only through `wishes`. The values that columns of `surfaces` hold are here.
"""

from typing import Final

#: The surface of a member's rank. Its numbers are ranks.
RANK: Final = "rank"
#: How the surface of an achievement begins; the achievement's name follows. 1 is held, 0 is not.
ACHIEVEMENT_PREFIX: Final = "achievement:"
#: The surface of a link: 1 while the member has accounts on both platforms, 0 after that.
LINKED: Final = "linked"

#: The surface of a member's level, which only announcements show. Its numbers are levels.
LEVEL: Final = "level"

#: The priorities of a wish, the most noticed first: a member has just done something;
LIVE: Final = 0
#: two accounts were linked;
LINK: Final = 1
#: reconcile or a bot found a change by hand;
RECONCILE: Final = 2
#: the ladder of ranks changed for many members.
BACKFILL: Final = 3

#: The cause of parking a member who is not on the platform. It ends once the platform mentions
#: the member again.
ABSENT: Final = "absent"
#: The cause of parking a member whom the platform lets no bot change, such as an administrator. The
#: display role tries now and then whether it has ended.
EXEMPT: Final = "exempt"
#: The causes that concern one member only. No survey of the platform finds them.
PERSONAL: Final = (ABSENT, EXEMPT)
