"""Benchmarks on real servers. Each prints its results; docs/performance.md keeps the figures."""
