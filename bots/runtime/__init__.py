"""A bot's process from start to exit, whatever its platform: settings, connections, supervision.

Both bots call `process.run` and `services.open_services`; rooms of `bots/features` may use
`services`, `database`, `delivery` and `backoff`. Nothing here knows a feature or a platform.
"""
