"""Forgetting: members who asked for it leave the record, the streams, and come onto the list."""
