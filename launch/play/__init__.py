"""The page that shows both chats and the bus between them, and lets a person break it.

It is served by the launcher, whose processes and servers it shows. `PlayServer` serves the page and
passes on what concerns the chats to the sandbox, `Board` has what the panels show, and each panel
is a room that fills the board and offers deeds. From outside, call `take_port` and
`serve_page`.
"""

from .page import PLAY_URL_FILE, serve_page, take_port

__all__ = ["PLAY_URL_FILE", "serve_page", "take_port"]
