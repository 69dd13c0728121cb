"""What can go wrong with the chaos itself, as opposed to what it looks for."""


class ChaosError(Exception):
    """The run could not be carried out; it says nothing about what was to be proven."""
