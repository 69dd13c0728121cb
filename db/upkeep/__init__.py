"""Checks and clean-up of the record: the audit, retention, expired codes, figures for operators.

The cleanup role, the operator's commands and the gauges call this room.
"""
