"""Polling Telegram: retries through outages, one update at a time, and whether it makes progress.

`app.py` connects the three parts with aiogram's own polling.
"""
