"""Roles in Airflow, as the files of include/rbac/ have them: docs/RBAC.md."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from commands.logs import keep_stdout_clean
from drivetrain.errors import FatalError
from drivetrain.rbac import groups, matrix
from drivetrain.rbac.catalog import load_rbac, wanted_roles
from drivetrain.rbac.plan import plan_roles, told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drivetrain.rbac.plan import Observed, Plan, WantedRole

app = typer.Typer(no_args_is_help=True, help=__doc__)
INCLUDE = typer.Option(Path("include"), help="The folder with rbac/ and specs/.")
DETAILED = typer.Option(False, "--detailed-exitcode", help="End with 2 where there is something to change.")
MANY = typer.Option(False, "--delete-many", help="Also where more than half of the teams' roles would go.")
YES = typer.Option(False, "--yes", "-y", help="Ask nobody.")
WRITE = typer.Option(False, "--write", help="Put it into docs/RBAC.md.")
PAGE = Path("docs/RBAC.md")
_CHANGES = 2


@app.command()
def lint(include: Path = INCLUDE) -> None:
    """Read the files and hold them against the specs, without a database."""
    rbac = load_rbac(include)
    found = groups.problems(rbac)
    for problem in found:
        typer.secho(problem, fg=typer.colors.RED)
    if found:
        raise FatalError(f"{len(found)} problems in include/rbac")
    typer.echo(f"{len(wanted_roles(rbac))} roles of {len(rbac.dags)} teams and of the platform are well-formed")


@app.command()
def plan(include: Path = INCLUDE, detailed_exitcode: bool = DETAILED, delete_many: bool = MANY) -> None:
    """Show what would change in FAB, and change nothing. With --detailed-exitcode ends with 2 if something would."""
    planned = _plan(wanted_roles(load_rbac(include)), deletes_many=delete_many)
    _tell(planned)
    if detailed_exitcode and not planned.is_empty:
        raise typer.Exit(_CHANGES)


@app.command()
def apply(include: Path = INCLUDE, yes: bool = YES, delete_many: bool = MANY) -> None:
    """Make roles that are missing, and take what the files don't give. Safe at every start, and to repeat.

    Airflow's API server takes it over within 30 seconds ([fab] cache_ttl).
    """
    wanted = wanted_roles(load_rbac(include))
    told_before: Plan | None = None
    if not yes:
        if not sys.stdin.isatty():
            raise FatalError(
                "apply: there is no terminal to ask at: give --yes, after a look at `drivetrain rbac plan`"
            )
        told_before = _plan(wanted, deletes_many=delete_many)
        _tell(told_before)
        if told_before.is_empty:
            return
        if not typer.confirm("Change them?"):
            raise FatalError("apply: nothing was changed")
    from hooks.fab_roles import fab_roles

    keep_stdout_clean()
    with fab_roles() as fab:
        done = fab.reconcile(lambda observed: plan_roles(wanted, observed, deletes_many=delete_many))
    # Under the lock it is decided anew: what somebody changed since the question is told as well.
    if told_before is None or told_before.changes != done.changes:
        _tell(done)
    typer.echo("roles are as the files say")


@app.command("matrix")
def show_matrix(include: Path = INCLUDE, write: bool = WRITE) -> None:
    """Show which role gets how far with which request."""
    block = matrix.rendered(load_rbac(include))
    if not write:
        typer.echo(block)
        return
    PAGE.write_text(matrix.replaced(PAGE.read_text(encoding="utf-8"), block), encoding="utf-8")
    typer.echo(f"wrote {PAGE}")


@app.command()
def mapping(include: Path = INCLUDE) -> None:
    """Print FAB's AUTH_ROLES_MAPPING as JSON: which group of the identity provider gives which roles."""
    typer.echo(json.dumps(groups.auth_roles_mapping(include), indent=2))


def _plan(wanted: Sequence[WantedRole], *, deletes_many: bool) -> Plan:
    from hooks.fab_roles import fab_roles

    keep_stdout_clean()
    with fab_roles() as fab:
        observed: Observed = fab.observe()
    return plan_roles(wanted, observed, deletes_many=deletes_many)


def _tell(planned: Plan) -> None:
    for line in told(planned):
        typer.echo(line)
    if planned.is_empty:
        typer.echo("nothing to change")
