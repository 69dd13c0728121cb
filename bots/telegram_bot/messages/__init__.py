"""Members' messages: who wrote them, what they ask, and the answers on their way back.

The router and `app.py` use it. Listeners to messages that are no command belong here as well, as
`posted_codes.py` is one.
"""
