"""The display on Telegram: member tags and administrators' titles.

The process opens the role; the reconcile subjects read tags through `tags`.
"""
