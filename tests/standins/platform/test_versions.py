from __future__ import annotations

from typing import Any

from standins.platform.versions import Version, arrived, broken, silent_files

VERSION = Version("f00", frozenset({"dags/sync.py", "dags/calls.py"}), 1_700_000_000.0)
TRACE = """Traceback (most recent call last):
  File "/bundles/drivetrain/dags/sync.py", line 14, in <module>
    import nothing
ModuleNotFoundError: No module named 'nothing'
"""


def dag(file: str, version: str, *, stale: bool = False) -> dict[str, Any]:
    return {"relative_fileloc": file, "bundle_version": version, "is_stale": stale}


def import_error(file: str, timestamp: str = "2023-11-14T22:13:21Z") -> dict[str, Any]:
    return {"filename": file, "timestamp": timestamp, "stack_trace": TRACE}


def test_a_version_has_arrived_when_each_dag_of_its_files_was_parsed_at_it() -> None:
    assert arrived(VERSION, [dag("dags/sync.py", "f00"), dag("dags/calls.py", "f00")])
    assert not arrived(VERSION, [dag("dags/sync.py", "f00"), dag("dags/calls.py", "0ld")])
    assert not arrived(VERSION, [])


def test_dags_of_files_that_are_gone_are_not_waited_for() -> None:
    assert arrived(VERSION, [dag("dags/sync.py", "f00"), dag("dags/gone.py", "0ld")])
    assert arrived(VERSION, [dag("dags/sync.py", "f00"), dag("dags/calls.py", "0ld", stale=True)])


def test_files_that_no_dag_came_from_yet_are_known() -> None:
    assert silent_files(VERSION, [dag("dags/sync.py", "f00"), dag("dags/calls.py", "0ld")]) == {"dags/calls.py"}


def test_an_import_error_is_told_with_file_line_and_reason() -> None:
    assert broken(VERSION, [import_error("dags/sync.py")]) == (
        "dags/sync.py, line 14: ModuleNotFoundError: No module named 'nothing'"
    )


def test_import_errors_of_earlier_versions_and_of_other_files_do_not_count() -> None:
    earlier = import_error("dags/sync.py", "2023-11-14T22:13:19Z")
    assert broken(VERSION, [earlier, import_error("dags/gone.py")]) is None
