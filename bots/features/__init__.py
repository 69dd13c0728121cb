"""One room per feature that both bots share: what it does and what it says.

A room is a folder that exports `open_room(services)`, which returns a `Room`: the commands,
background duties and reactions to members that the feature adds to a bot. Each bot opens the rooms
that its own `rooms.py` lists; `room.py` and `command.py` say what a room may offer.
Kinds of input that come later (messages, reactions, voice, selects) become further fields there.
"""
