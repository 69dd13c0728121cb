"""Errors of the test in a Docker Engine."""


class EngineError(Exception):
    """Something that a phase expects did not happen. The message says what, and what was seen."""


class MachineUnfit(Exception):
    """This machine cannot run the test, and nothing is wrong; the message is the reason."""
