"""Entry point: `python -m consumers [ROLE ...]` runs all roles, or those that are named.

The operator's commands are `python -m consumers status`, `trace KEY`, `dead ...`, `links ...`,
`rebuild`, `reread`, `doctor`, `audit`, `import-history` and `reconcile --now`.
"""

import sys

from .runtime.process import run_roles
from .runtime.roles import ROLES


def run() -> None:
    """Run the operator's command, or the roles, that the arguments name."""
    words = sys.argv[1:]
    if all(word in ROLES for word in words):
        run_roles(words)
        return
    # Here and not above: a process of roles never needs typer, rich and the commands, which take
    # 4 MB and a tenth of a second.
    from . import cli

    cli.run()


if __name__ == "__main__":
    run()
