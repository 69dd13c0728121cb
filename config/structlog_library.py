"""Importing structlog without rich, which takes 4 MB and a twentieth of a second in each process.

structlog imports rich wherever it is installed, to draw tracebacks with local variables. Ours are
plain (`logs.py`), and rich is installed for the operator's commands, which import it themselves.
Every process imports this module before anything else imports structlog.
"""

import importlib
import sys


def _import_without_rich() -> None:
    if "structlog" in sys.modules:
        return
    rich = sys.modules.get("rich")
    # So its import fails, as where it is not installed.
    sys.modules["rich"] = None  # type: ignore[assignment]
    try:
        importlib.import_module("structlog")
    finally:
        if rich is None:
            del sys.modules["rich"]
        else:
            sys.modules["rich"] = rich


_import_without_rich()
