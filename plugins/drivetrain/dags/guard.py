"""Whether a running Airflow may take a commit: pure.

The gate (gate.py) asks whether a commit is good. This asks for less: whether it stops something that runs. Airflow
takes the DAGs of a file that raises, or is gone, for stale at once: no run of them starts, and those that run stop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivetrain.dags.gate import broken_specs, errors, vanished
from drivetrain.dags.problem import Code, Problem

if TYPE_CHECKING:
    from collections.abc import Collection

    from drivetrain.dags.parsed import Parsed


@dataclass(frozen=True)
class Verdict:
    """On one commit.

    Attributes:
        sha: full.
        refused: what it would stop; empty: it is taken.
        notes: what else is wrong, and stops nothing but itself.
        stopped: ids of the DAGs that it would stop.
        teams: whose these are.
        team_of: team of each DAG that a note is about.
    """

    sha: str
    refused: tuple[Problem, ...] = ()
    notes: tuple[Problem, ...] = ()
    stopped: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    team_of: tuple[tuple[str, str], ...] = ()

    @property
    def is_refused(self) -> bool:
        """Whether the last good commit stays."""
        return bool(self.refused)


def judge_move(sha: str, before: Parsed, after: Parsed, removes: Collection[str]) -> Verdict:
    """Whether to go on from the commit that runs.

    Args:
        sha: of the commit to go to.
        before: the commit that runs.
        after: the one to go to.
        removes: ids of DAGs that are meant to go, by the messages of the commits in between.
    """
    runs_from = {dag.file for dag in before.dags.values()}
    lost = [dag for dag_id, dag in before.dags.items() if dag_id not in after.dags]
    gone = tuple(vanished(after, before, removes))
    raising = [
        (file, problem)
        for file, problem in zip(sorted(after.errors), errors(after), strict=True)
        # A second DAG of the same id: which of the two runs would change with every parse.
        if problem.code is Code.DUPLICATE or file in runs_from - set(before.errors)
    ]
    files = {file for file, _ in raising}
    refused = (*(problem for _, problem in raising), *gone)
    named = {problem.dag_id for problem in gone}
    stopped = [dag for dag in lost if dag.file in files or dag.dag_id in named]
    return Verdict(
        sha=sha,
        refused=refused,
        notes=(*(problem for problem in errors(after) if problem not in refused), *broken_specs(after)),
        stopped=tuple(sorted(dag.dag_id for dag in stopped)),
        teams=tuple(sorted({dag.team for dag in stopped if dag.team})),
        team_of=tuple((dag_id, dag.team) for dag_id, dag in sorted(after.dags.items()) if dag.broken and dag.team),
    )


def unchecked(sha: str, why: str) -> Verdict:
    """A commit that could not be parsed at all: the last good one stays, and somebody has to look."""
    return Verdict(sha, refused=(Problem(Code.UNCHECKED, "", None, why, "see the DAG processor's log"),))
