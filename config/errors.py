"""The error of settings that are missing or unfit."""


class ConfigError(Exception):
    """A setting is missing or unfit. The sentence says which one, and what to do."""
