"""Methods on chats: their settings and entrances, their members, their topics."""
