from __future__ import annotations

from drivetrain.dags.guard import judge_move
from drivetrain.dags.parsed import Parsed, ParsedDag
from drivetrain.dags.problem import Code

RAISES = 'Traceback\n  File "dags/a.py", line 2, in <module>\nValueError: no\n'
DUPLICATE = "AirflowDagDuplicatedIdException: Ignoring DAG one from dags/c.py - also found in dags/a.py"


def dags(*names: str, **fields: object) -> dict[str, ParsedDag]:
    """Each as file.dag, such as "a.one"."""
    pairs = [name.split(".") for name in names]
    return {dag: ParsedDag(dag, f"dags/{file}.py", tags=(f"team:{file}",), **fields) for file, dag in pairs}


BEFORE = Parsed(dags("a.one", "a.two", "b.three"))


def test_a_commit_that_stops_nothing_is_taken() -> None:
    verdict = judge_move("f00", BEFORE, Parsed(dags("a.one", "a.two", "b.three", "c.new")), [])
    assert not verdict.is_refused
    assert (verdict.notes, verdict.stopped) == ((), ())


def test_a_file_with_dags_that_raises_is_refused_and_names_what_it_would_stop() -> None:
    verdict = judge_move("f00", BEFORE, Parsed(dags("b.three"), {"dags/a.py": RAISES}), [])
    assert [problem.where for problem in verdict.refused] == ["dags/a.py:2"]
    assert (verdict.stopped, verdict.teams) == (("one", "two"), ("a",))


def test_a_new_file_that_raises_stops_nothing_but_itself() -> None:
    verdict = judge_move("f00", BEFORE, Parsed(BEFORE.dags, {"dags/new.py": RAISES}), [])
    assert not verdict.is_refused
    assert [problem.code for problem in verdict.notes] == [Code.IMPORT]


def test_a_file_that_raised_before_is_no_reason_to_refuse_what_mends_another() -> None:
    before = Parsed(BEFORE.dags, {"dags/c.py": RAISES})
    assert not judge_move("f00", before, Parsed(BEFORE.dags, {"dags/c.py": RAISES}), []).is_refused


def test_a_second_dag_of_the_same_id_is_refused_since_either_would_run() -> None:
    assert judge_move("f00", BEFORE, Parsed(BEFORE.dags, {"dags/c.py": DUPLICATE}), []).is_refused


def test_a_dag_that_vanished_is_refused_unless_it_is_meant_to() -> None:
    after = Parsed(dags("a.one", "b.three"))
    verdict = judge_move("f00", BEFORE, after, [])
    assert ([problem.code for problem in verdict.refused], verdict.stopped) == ([Code.VANISHED], ("two",))
    assert not judge_move("f00", BEFORE, after, ["two"]).is_refused


def test_a_dag_may_move_to_another_file() -> None:
    assert not judge_move("f00", BEFORE, Parsed(dags("c.one", "c.two", "b.three")), []).is_refused


def test_a_broken_spec_is_noted_with_its_team_and_stops_nobody_else() -> None:
    broken = {"cars": "include/specs/a/cars.yaml: colour: unknown key"}
    verdict = judge_move("f00", BEFORE, Parsed({**BEFORE.dags, **dags("a.one", broken=broken)}), [])
    assert not verdict.is_refused
    assert [problem.file for problem in verdict.notes] == ["include/specs/a/cars.yaml"]
    assert verdict.team_of == (("one", "a"),)
