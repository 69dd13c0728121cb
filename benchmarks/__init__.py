"""Measurements on real servers. Each prints what it saw; docs/performance.md keeps the figures."""
