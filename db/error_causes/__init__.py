"""Causes of Postgres's errors: which part is at fault, and the words for operators.

`db.errors` translates by it; modules outside of `db` see only the errors of this package.
"""
