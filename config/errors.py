"""What can be wrong with the settings."""


class ConfigError(Exception):
    """A setting is missing or unfit. The sentence says which one, and what to do."""
