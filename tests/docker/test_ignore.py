"""Which files Airflow looks into for DAGs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docker.files import REPOSITORY

DAG = "from airflow.sdk import DAG\n"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository with Python in every kind of place."""
    for path in (
        *("dags/sheets_sync.py", "dags/lending/loans.py", "plugins/hooks/state.py", "tests/dags/test_dag.py"),
        *("include/helper.py", "standins/dags/fake.py", "setup.py", ".venv/lib/dags/dag.py", "dags/README.md"),
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(DAG)
    (tmp_path / ".airflowignore").write_text((REPOSITORY / ".airflowignore").read_text())
    return tmp_path


def test_airflow_reads_python_below_dags_and_nowhere_else_in_a_clone(clone):
    from airflow._shared.module_loading import find_path_from_directory

    found = {str(Path(path).relative_to(clone)) for path in find_path_from_directory(clone, ".airflowignore", "glob")}
    assert found == {"dags/sheets_sync.py", "dags/lending/loans.py", "dags/README.md"}


def test_a_folder_that_is_hidden_is_not_even_walked(clone):
    from airflow._shared.module_loading import find_path_from_directory

    # A loop of links, which ends the walk with an error once it is met.
    (clone / "plugins" / "loop").symlink_to(clone / "plugins")
    assert list(find_path_from_directory(clone, ".airflowignore", "glob"))
