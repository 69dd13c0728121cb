"""`python -m benchmarks [NAME ...]`: measure, print, and save the figures."""

import platform
from pathlib import Path
from typing import Annotated

import psutil
import typer
import uvloop
from rich.console import Console

from config import set_up_logs

from . import catalogue
from .testbed import LocaleMissing, open_testbed

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console(highlight=False)


@app.command()
def main(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME ...]", help=f"Some of {', '.join(catalogue.PLANS)}."),
    ] = None,
    quick: Annotated[bool, typer.Option(help="Small sizes, in a few minutes.")] = False,
    into: Annotated[Path, typer.Option(help="The folder for the figures.")] = Path(
        ".run/benchmarks"
    ),
    locale: Annotated[
        str,
        typer.Option(
            help="Measure `apply` and `produce` on a database of this locale, too: en_US.UTF-8."
        ),
    ] = "",
) -> None:
    """Run the named benchmarks, or all of them."""
    set_up_logs(level="error", style="console")
    chosen = names or list(catalogue.PLANS)
    unknown = [name for name in chosen if name not in catalogue.PLANS]
    if unknown:
        raise typer.BadParameter(
            f"there is no {unknown[0]}; there are {', '.join(catalogue.PLANS)}"
        )
    memory = psutil.virtual_memory().total / 2**30
    console.print(
        f"{psutil.cpu_count()} cores, {memory:.0f} GB, Python {platform.python_version()}"
    )
    try:
        with open_testbed(locale) as testbed:
            for name in chosen:
                console.print(f"\n{name} ...")
                report = uvloop.run(catalogue.PLANS[name](testbed, quick))
                report.show(console)
                report.save(into)
    except LocaleMissing as error:
        console.print(error, soft_wrap=True)
        raise typer.Exit(2) from None


if __name__ == "__main__":
    app()
