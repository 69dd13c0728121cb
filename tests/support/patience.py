"""The time for which tests wait for something that is bound to happen."""

from typing import Final

#: Seconds after which a test gives up. The code under test promises nothing of the kind: on a
#: machine that is busy with something else, much of it may pass. A green test loses nothing by it.
PATIENCE_S: Final = 60.0
