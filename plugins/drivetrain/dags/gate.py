"""What a commit has to be like to be pushed: pure, from what two parses of it and one of the commit before gave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drivetrain.dags.difference import first_difference
from drivetrain.dags.problem import Code, Problem, of_error
from drivetrain.dags.source import source_problems

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from drivetrain.dags.parsed import Parsed

ALL = "*"
TRAILER = "Removes-DAG"
MOST_SECONDS = 5.0  # CPU time a file; Airflow's default time-out is 30 s a file, and it parses each every 30 s


def judge(
    parsed: Parsed,
    again: Parsed | None = None,
    *,
    before: Parsed | None = None,
    removes: Collection[str] = (),
    sources: Mapping[str, str] | None = None,
    most_seconds: float = MOST_SECONDS,
) -> tuple[Problem, ...]:
    """Every problem, the worst first.

    Args:
        parsed: of the commit.
        again: of the same files by another process.
        before: of the commit that it is to follow; None: whatever is missing is meant.
        removes: ids of DAGs that are meant to go; ALL for any.
        sources: text of the bundle's files by their paths.
        most_seconds: CPU time for one file.
    """
    return (
        *errors(parsed),
        *vanished(parsed, before, removes),
        *broken_specs(parsed),
        *_nobodys(parsed),
        *_varying(parsed, again),
        *_slow(parsed, most_seconds),
        *source_problems(sources or {}),
    )


def errors(parsed: Parsed) -> Iterator[Problem]:
    """Files that raise."""
    for file, traceback in sorted(parsed.errors.items()):
        yield of_error(file, traceback)


def vanished(parsed: Parsed, before: Parsed | None, removes: Collection[str]) -> Iterator[Problem]:
    """DAGs that were there, are not any more, and nobody said so. Of a file that raises, that is the one problem."""
    for dag_id, dag in sorted(before.dags.items() if before else ()):
        if dag_id in parsed.dags or dag.file in parsed.errors or removes_dag(dag_id, removes):
            continue
        yield Problem(
            Code.VANISHED,
            dag.file,
            None,
            f"DAG {dag_id} was there and is gone",
            f"bring it back; if it is meant to go, write `{TRAILER}: {dag_id}` at the end of the commit's message",
            dag_id,
        )


def removes_dag(dag_id: str, removes: Collection[str]) -> bool:
    """Whether somebody said that the DAG is meant to go."""
    return dag_id in removes or ALL in removes


def broken_specs(parsed: Parsed) -> Iterator[Problem]:
    """Specs that can't be used: their tasks say so, and the DAG's others go on."""
    for dag_id, dag in sorted(parsed.dags.items()):
        for _, message in sorted(dag.broken.items()):
            file, _, text = message.partition(": ")
            is_file = "/" in file and " " not in file
            yield Problem(
                Code.BROKEN_SPEC,
                file if is_file else dag.file,
                None,
                text if is_file else message,
                "correct the key that it names; `drivetrain sheets lint` reads all specs in a second",
                dag_id,
            )


def _nobodys(parsed: Parsed) -> Iterator[Problem]:
    for dag_id, dag in sorted(parsed.dags.items()):
        if not dag.team:
            text, fix = "has no team", 'add the tag "team:<team>"'
        elif dag.owner != dag.team:
            text, fix = (
                f"is owned by {dag.owner or 'nobody'}, and its tag says {dag.team}",
                f'write owner="{dag.team}" into default_args',
            )
        else:
            continue
        yield Problem(Code.OWNER, dag.file, None, f"DAG {dag_id} {text}", fix, dag_id)


def _varying(parsed: Parsed, again: Parsed | None) -> Iterator[Problem]:
    fix = "take it out of the DAG: compute it in the task, or from the run's own date; sort what comes from a set"
    for one in parsed.varying:
        yield Problem(Code.VARIES, one.file, one.line, f"{one.code} is another value with each parse", fix)
    told = {one.file for one in parsed.varying}
    for dag_id, dag in sorted(parsed.dags.items() if again else ()):
        other = again.dags.get(dag_id) if again else None
        if dag.file in told:
            continue
        if other is None:
            text = f"DAG {dag_id} is there in one parse and not in the next"
        elif difference := first_difference(dag.serialized, other.serialized):
            path, left, right = difference
            text = f"DAG {dag_id}: {path} is {left!r:.60} in one parse and {right!r:.60} in the next"
        else:
            continue
        yield Problem(Code.VARIES, dag.file, None, f"{text}: each parse would be a new version", fix, dag_id)


def _slow(parsed: Parsed, most_seconds: float) -> Iterator[Problem]:
    for file, seconds in sorted(parsed.seconds.items()):
        if seconds > most_seconds:
            yield Problem(
                Code.SLOW,
                file,
                None,
                f"parsing took {seconds:.1f} s of CPU, {most_seconds:g} s are the limit",
                "do less while it is parsed: no heavy imports, no reading of data",
            )
