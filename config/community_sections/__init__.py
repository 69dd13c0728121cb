"""The sections of twinstream.toml that features brought along: a file each, with its checks."""
