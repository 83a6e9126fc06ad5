"""What a task's process parses, which has no use for the DAGs of others."""

from __future__ import annotations

import json
from typing import Any

from tests.dags.conftest import ROOT, run_python

PARSE = """
import json
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.definitions._internal.dag_parsing_context import _airflow_parsing_context_manager
with _airflow_parsing_context_manager(dag_id={dag_id!r}, task_id="any"):
    bag = DagBag({file!r})
print(json.dumps([bag.import_errors, {{dag_id: sorted(dag.task_ids) for dag_id, dag in bag.dags.items()}}]))
"""


def test_a_tasks_process_makes_its_own_dag_alone_and_makes_it_whole(dags: list[Any]) -> None:
    script = PARSE.format(dag_id="sheets_sync_retail", file=str(ROOT / "dags" / "sheets_sync.py"))
    errors, found = json.loads(run_python(script).splitlines()[-1])
    assert errors == {}
    (whole,) = (dag for dag in dags if dag.dag_id == "sheets_sync_retail")
    assert found == {"sheets_sync_retail": sorted(whole.task_ids)}
