"""Settings of the operator: the environment, twinstream.toml, and the form of the logs."""

from . import structlog_library as structlog_library

# isort: split
from .cards import CardSetting
from .community import (
    AchievementSetting,
    CleanupSetting,
    Community,
    ConsumerSetting,
    Rank,
    ReconcileSetting,
)
from .endpoints import point_discord_at, telegram_session
from .errors import ConfigError
from .heartbeat import heartbeat
from .levels import LevelCurve, LevelProgress, LevelSetting, curve_of
from .logs import set_up_logs, set_up_logs_of
from .masking import mask_url, masking, secrets_in
from .metrics import metrics
from .secret_files import defaults_for, in_place_of, secret_setting
from .settings import Settings

__all__ = [
    "AchievementSetting",
    "CardSetting",
    "CleanupSetting",
    "Community",
    "ConfigError",
    "ConsumerSetting",
    "LevelCurve",
    "LevelProgress",
    "LevelSetting",
    "Rank",
    "ReconcileSetting",
    "Settings",
    "curve_of",
    "defaults_for",
    "heartbeat",
    "in_place_of",
    "mask_url",
    "masking",
    "metrics",
    "point_discord_at",
    "secret_setting",
    "secrets_in",
    "set_up_logs",
    "set_up_logs_of",
    "telegram_session",
]
