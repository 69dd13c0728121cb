"""Contenders: designs that apply a stream's events to the other platform, with the same SQL."""
