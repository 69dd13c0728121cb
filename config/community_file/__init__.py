"""twinstream.toml as a text: its encoding, its lines, tags, quiet hours and wordings in it."""

from .announcing import KINDS, AnnouncementSetting, Kind, announcement_problems
from .quiet_hours import QuietHours
from .reading import Document, read
from .telegram_tags import tag_problem
from .wordings import parts_of

__all__ = [
    "KINDS",
    "AnnouncementSetting",
    "Document",
    "Kind",
    "QuietHours",
    "announcement_problems",
    "parts_of",
    "read",
    "tag_problem",
]
