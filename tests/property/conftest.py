"""Settings that every property test needs on a machine that is busy with something else."""

import pytest

#: Seconds that a pass waits for a page before it takes the page for lost. In service it is seconds;
#: here a busy machine may well need longer for the pages before it, which proves nothing.
PATIENCE_S = 60.0


@pytest.fixture(autouse=True)
def patient_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no pass end because the machine was slow."""
    monkeypatch.setattr("consumers.reconcile.pass_phases.PATIENCE_S_MIN", PATIENCE_S)
