"""Settings that every property test needs on a machine that is busy with something else."""

import pytest

#: Seconds after which a pass counts a page as lost. The default is a few seconds. A busy machine
#: may need longer for the pages before it, and that proves nothing about the code.
PATIENCE_S = 60.0


@pytest.fixture(autouse=True)
def patient_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no pass end because the machine was slow."""
    monkeypatch.setattr("consumers.reconcile.pass_phases.PATIENCE_S_MIN", PATIENCE_S)
