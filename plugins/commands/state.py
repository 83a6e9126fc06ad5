"""Our own tables in Postgres."""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, help=__doc__)


@app.callback()
def _group() -> None:
    """Keep `migrate` a command of its own: typer drops the level where a group has one command."""


@app.command()
def migrate(connection: str = typer.Option("drivetrain_state", help="An Airflow connection of type postgres.")) -> None:
    """Bring the tables to the code's version. Safe at every start."""
    from hooks.state import StateHook

    StateHook(connection).migrate()
    typer.echo("state: tables are up to date")
