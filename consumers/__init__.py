"""The processes between the platforms: they settle events, publish leftovers, show ranks."""

import config  # noqa: F401 - it imports structlog, as `config.structlog_library` says
