"""Errors of the chaos run itself, as opposed to the faults that it injects."""


class ChaosError(Exception):
    """The run could not be carried out, so it proves nothing."""
