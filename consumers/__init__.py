"""The processes between the platforms: they settle events, publish leftovers, show ranks."""
