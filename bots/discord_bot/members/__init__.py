"""Members of the server as Discord shows them to people: their avatars."""
