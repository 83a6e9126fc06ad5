"""`drivetrain`: the command line. Each group is a module of this package."""

from __future__ import annotations

import sys

import typer

from commands import calls, dags, docs, features, queue, rbac, schemas, sheets, state
from drivetrain.errors import DrivetrainError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
app.add_typer(sheets.app, name="sheets")
app.add_typer(queue.app, name="queue")
app.add_typer(state.app, name="state")
app.add_typer(rbac.app, name="rbac")
app.add_typer(dags.app, name="dags")
app.add_typer(features.app, name="features")
app.add_typer(calls.app, name="calls")
app.add_typer(schemas.app, name="schemas")
app.add_typer(docs.app, name="docs")


def main() -> None:
    """Run the command line; our own errors are one line, not a traceback."""
    try:
        app()
    except DrivetrainError as error:
        typer.secho(str(error), fg=typer.colors.RED, err=True)
        sys.exit(1)
