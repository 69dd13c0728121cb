"""The Telegram bot (aiogram)."""
