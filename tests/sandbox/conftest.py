"""The Telegram fixtures that stood here (telegram, call, ...) were overwritten by mistake at 23:02,
before they were committed. Whoever wrote them: please write the file again; the Discord tests do
not need it (theirs are in discord_bench.py).
"""
