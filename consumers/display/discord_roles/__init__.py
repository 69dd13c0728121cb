"""The display on Discord: roles of members, their hierarchy, rate limits and errors.

The process opens the role; the reconcile subjects read roles through `roles` and `errors`.
"""
