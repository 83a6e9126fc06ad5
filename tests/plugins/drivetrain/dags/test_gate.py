from __future__ import annotations

from typing import Any

import pytest

from drivetrain.dags.gate import judge
from drivetrain.dags.parsed import Parsed, ParsedDag, Varying
from drivetrain.dags.problem import Code, of_error

TRACE = """Traceback (most recent call last):
  File "dags/sync.py", line 3, in <module>
    import nothing
  File "/opt/venv/lib/python3.11/site-packages/nothing.py", line 9, in <module>
    raise ValueError("no")
ValueError: no
"""


def dag(dag_id: str = "sync", **changes: Any) -> ParsedDag:
    fields = {"file": "dags/sync.py", "owner": "retail", "tags": ("team:retail",), "serialized": {"dag": {}}}
    return ParsedDag(dag_id, **{**fields, **changes})


def parsed(*dags: ParsedDag, **fields: Any) -> Parsed:
    return Parsed({one.dag_id: one for one in dags}, **fields)


def test_a_bundle_that_is_well_has_no_problem() -> None:
    assert judge(parsed(dag()), parsed(dag()), before=parsed(dag()), sources={"dags/sync.py": "x = 1\n"}) == ()


def test_a_file_that_raises_is_told_at_its_own_last_line_with_the_error() -> None:
    (problem,) = judge(parsed(errors={"dags/sync.py": TRACE}))
    assert problem.told().startswith("dags/sync.py:3: ValueError: no [import-error]. Fix: mend the line")


def test_a_syntax_error_has_its_line() -> None:
    trace = 'Traceback\n  File "dags/a.py", line 7\n    def (\n        ^\nSyntaxError: invalid syntax\n'
    assert of_error("dags/a.py", trace).where == "dags/a.py:7"


def test_an_error_of_several_lines_is_told_from_its_first() -> None:
    trace = 'Traceback\n  File "dags/a.py", line 7, in <module>\n    load()\nTimeout: took 20 s.\nSee:\n* a page\n'
    assert of_error("dags/a.py", trace).text == "Timeout: took 20 s. See: * a page"
    assert of_error("dags/a.py", "ValueError: no dag").text == "ValueError: no dag"


def test_a_second_dag_of_the_same_id_is_a_duplicate() -> None:
    trace = "AirflowDagDuplicatedIdException: Ignoring DAG sync from dags/b.py - also found in dags/a.py"
    (problem,) = judge(parsed(errors={"dags/b.py": trace}))
    assert (problem.code, problem.file) == (Code.DUPLICATE, "dags/b.py")


def test_a_dag_that_is_gone_has_to_be_named_in_the_message() -> None:
    before = parsed(dag(), dag("old"))
    (problem,) = judge(parsed(dag()), before=before)
    assert (problem.code, problem.dag_id) == (Code.VANISHED, "old")
    assert "`Removes-DAG: old`" in problem.fix
    assert judge(parsed(dag()), before=before, removes=["old"]) == ()
    assert judge(parsed(dag()), before=before, removes=["*"]) == ()
    assert judge(parsed(dag()), before=before, removes=["other"]) != ()


def test_a_file_that_raises_is_not_told_again_for_each_of_its_dags() -> None:
    problems = judge(parsed(errors={"dags/sync.py": TRACE}), before=parsed(dag(), dag("two")))
    assert [problem.code for problem in problems] == [Code.IMPORT]


def test_a_broken_spec_is_told_by_its_own_file() -> None:
    message = "include/specs/sheets/retail/cars.yaml: colour: unknown key"
    (problem,) = judge(parsed(dag(broken={"cars": message})))
    assert (problem.code, problem.file, problem.text) == (
        Code.BROKEN_SPEC,
        "include/specs/sheets/retail/cars.yaml",
        "colour: unknown key",
    )


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"tags": ()}, "has no team"),
        ({"owner": "airflow"}, "is owned by airflow, and its tag says retail"),
        ({"owner": ""}, "is owned by nobody, and its tag says retail"),
    ],
)
def test_a_dag_belongs_to_the_team_of_its_tag(changes: dict[str, Any], text: str) -> None:
    (problem,) = judge(parsed(dag(**changes)))
    assert text in problem.text


def test_what_differs_between_two_parses_is_named_to_the_field() -> None:
    def with_start(day: int) -> ParsedDag:
        task = {"__var": {"task_id": "write", "op_kwargs": {"__var": {"at": day}, "__type": "dict"}}}
        return dag(serialized={"dag": {"tasks": [{"__var": {"task_id": "read"}}, task]}})

    (problem,) = judge(parsed(with_start(1)), parsed(with_start(2)))
    assert "dag.tasks[write].op_kwargs.at is 1 in one parse and 2 in the next" in problem.text


def test_a_dag_that_comes_and_goes_varies() -> None:
    (problem,) = judge(parsed(dag()), parsed())
    assert "is there in one parse and not in the next" in problem.text


def test_what_airflows_checker_finds_is_told_once_with_its_line() -> None:
    varying = (Varying("dags/sync.py", 4, "datetime.now()"),)
    (problem,) = judge(parsed(dag(serialized={"a": 1}), varying=varying), parsed(dag(serialized={"a": 2})))
    assert (problem.where, problem.code) == ("dags/sync.py:4", Code.VARIES)


def test_a_file_may_take_its_time_and_not_more() -> None:
    assert judge(parsed(dag(), seconds={"dags/sync.py": 2.0}), most_seconds=2.0) == ()
    (problem,) = judge(parsed(dag(), seconds={"dags/sync.py": 2.1}), most_seconds=2.0)
    assert "2.1 s of CPU" in problem.text
