"""Bodies of a bot's requests, validated as Discord validates them: messages, commands, files."""
