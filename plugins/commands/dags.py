"""DAGs before a push and after it: docs/GIT.md."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.table import Table

from drivetrain.dags.gate import MOST_SECONDS, judge
from drivetrain.dags.pre_receive import PRE_RECEIVE
from drivetrain.dags.problem import Problem
from drivetrain.dags.versions import MOST_A_DAY, inflated, made_since, midnight
from drivetrain.errors import FatalError
from hooks.dag_parser import TIMEOUT_SECONDS, DagParser, UnparsableError
from hooks.git_commits import GitCommits, texts

if TYPE_CHECKING:
    from drivetrain.dags.parsed import Parsed

app = typer.Typer(no_args_is_help=True, help=__doc__)
hook = typer.Typer(no_args_is_help=True, help="The server-side git hook that runs the check for a protected branch.")
app.add_typer(hook, name="hook")

REPOSITORY = typer.Option(Path("."), "--repository", help="With dags/ and include/; with --commit it may be bare.")
COMMIT = typer.Option("", "--commit", help="Check a clean checkout of it; the working tree if left out.")
AGAINST = typer.Option("", "--against", help="The commit that it follows: its DAGs must still be there.")
REMOVES = typer.Option([], "--removes", help="A DAG that is meant to go; repeatable, * for any.")
AS_JSON = typer.Option(False, "--json", help="Print JSON for programs.")
ONE = typer.Option(False, "--one-parser", help="Parse twice in one process: half the CPU, but sets keep their order.")
SLOW = typer.Option(MOST_SECONDS, "--most-seconds", min=0.1, help="CPU time that parsing one file may take.")
TIMEOUT = typer.Option(TIMEOUT_SECONDS, "--timeout-seconds", min=1.0, help="For parsing all files once.")
DAYS = typer.Option(0, "--days", min=0, max=30, help="Also of so many days before today (UTC).")
MOST = typer.Option(MOST_A_DAY, "--most", min=1, help="New versions of a DAG that are still well; for each day.")
_BARE = typer.Argument(..., help="The bare repository that people push to.")
_BRANCH = typer.Option("main", "--branch", help="Which branch is protected.")


@app.command()
def check(
    repository: Path = REPOSITORY,
    commit: str = COMMIT,
    against: str = AGAINST,
    removes: list[str] = REMOVES,
    as_json: bool = AS_JSON,
    one_parser: bool = ONE,
    most_seconds: float = SLOW,
    timeout_seconds: float = TIMEOUT,
) -> None:
    """Parse all DAGs twice and say what is wrong with them, where, and how to mend it. Ends with 1 if anything is."""
    git = GitCommits(repository.resolve())
    with ExitStack() as stack:
        meant = {*removes}
        folder = repository.resolve()
        if commit:
            folder = _scratch(stack)
            git.export(git.sha(commit), folder)
        if against and commit:
            meant |= set(git.commit(git.sha(commit), since=git.sha(against)).removes)
        before = None
        if against:
            before = _scratch(stack)
            git.export(git.sha(against), before)
        parsed, again, was = _parsed(stack, folder, before, one_parser=one_parser, timeout_seconds=timeout_seconds)
        problems = judge(parsed, again, before=was, removes=meant, sources=texts(folder), most_seconds=most_seconds)
    if as_json:
        _tell_json(parsed, problems)
    else:
        _tell(parsed, problems)
    if problems:
        raise typer.Exit(1)


@app.command()
def versions(days: int = DAYS, most: int = MOST, as_json: bool = AS_JSON) -> None:
    """Count the new versions of each DAG by Airflow's REST API. Ends with 1 where a DAG has too many.

    AIRFLOW_URL, AIRFLOW_USER and AIRFLOW_PASSWORD say where Airflow is.
    """
    from hooks.airflow_api import AirflowApi, Login

    since = midnight(dt.datetime.now(dt.UTC)) - dt.timedelta(days=days)
    with AirflowApi(Login.from_environment()) as api:
        counts = made_since(api.versions_since(since), since)
    too_many = inflated(counts, most * (days + 1))
    if as_json:
        typer.echo(json.dumps({"since": since.isoformat(), "versions": counts, "too_many": sorted(too_many)}))
    else:
        for dag_id, count in counts.items():
            typer.secho(f"{count:>5}  {dag_id}", fg=typer.colors.RED if dag_id in too_many else None)
        typer.echo(f"{sum(counts.values())} new versions of {len(counts)} DAGs since {since:%Y-%m-%d %H:%M} UTC")
    if too_many:
        raise typer.Exit(1)


@hook.command()
def install(repository: Path = _BARE, branch: str = _BRANCH) -> None:
    """Put the hook into a bare repository, and name the branch in its configuration. Safe to repeat."""
    hooks = repository / "hooks"
    if not (repository / "objects").is_dir():
        raise FatalError(f"{repository}: no bare repository: name the folder that people push to")
    place = hooks / "pre-receive"
    if place.exists() and "drivetrain dags check" not in place.read_text(encoding="utf-8", errors="replace"):
        raise FatalError(f"{place}: there is another hook: call both from one, see k8s/git/pre-receive")
    program = shutil.which("drivetrain", path=str(Path(sys.executable).parent)) or "drivetrain"
    for key, value in (("protected", branch), ("command", program)):
        _configure(repository, f"drivetrain.{key}", value)
    hooks.mkdir(exist_ok=True)
    part = place.with_suffix(".part")
    part.write_text(PRE_RECEIVE, encoding="utf-8")
    part.chmod(0o755)
    os.replace(part, place)
    typer.echo(f"wrote {place}: pushes to {branch} are checked by {program}")


def _configure(repository: Path, key: str, value: str) -> None:
    command = ["git", "--git-dir", str(repository), "config", key, value]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise FatalError(f"{repository}: git can't set {key}: {' '.join(done.stderr.split())}: install as its owner")


def _scratch(stack: ExitStack) -> Path:
    return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="drivetrain-check-")))


def _parsed(
    stack: ExitStack, folder: Path, before: Path | None, *, one_parser: bool, timeout_seconds: float
) -> tuple[Parsed, Parsed, Parsed | None]:
    """Two parses of a folder, and one of the commit before. Two processes differ in the order of sets."""
    one = stack.enter_context(DagParser(hash_seed=1, timeout_seconds=timeout_seconds))
    two = one if one_parser else stack.enter_context(DagParser(hash_seed=2, timeout_seconds=timeout_seconds))
    one.ask(folder)
    if two is not one:
        two.ask(folder)
    parsed = one.answer()
    # Somebody waits for the hook, and what raises may have taken its whole time.
    again = two.answer() if two is not one else parsed if parsed.errors else one.parse(folder)
    if before is None:
        return parsed, again, None
    try:
        return parsed, again, one.parse(before)
    except UnparsableError:
        return parsed, again, None  # the commit before had no DAGs that anybody could miss


def _tell(parsed: Parsed, problems: tuple[Problem, ...]) -> None:
    table = Table("file", "DAGs", "CPU s", box=None)
    for file, seconds in sorted(parsed.seconds.items()):
        table.add_row(file, str(sum(dag.file == file for dag in parsed.dags.values())), f"{seconds:.2f}")
    Console(stderr=True).print(table)
    for problem in problems:
        typer.secho(problem.told(), fg=typer.colors.RED)
    if problems:
        typer.secho(f"{len(problems)} problems", fg=typer.colors.RED, err=True)
    else:
        typer.echo(f"{len(parsed.dags)} DAGs of {len(parsed.seconds)} files are well")


def _tell_json(parsed: Parsed, problems: tuple[Problem, ...]) -> None:
    document = {
        "dags": sorted(parsed.dags),
        "seconds": dict(sorted(parsed.seconds.items())),
        "problems": [problem.document() for problem in problems],
    }
    typer.echo(json.dumps(document, indent=1))
