"""What every DAG has to keep, whoever adds one."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from drivetrain.sheets.catalog import load_syncs
from drivetrain.sheets.load_catalog import load_load_teams
from tests.dags.conftest import ROOT, run_python

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag


def test_every_file_can_be_imported(bag: DagBag) -> None:
    assert bag.import_errors == {}


def test_there_is_one_dag_a_team_and_one_task_a_workbook_with_all_its_syncs(dags: list[Any]) -> None:
    expected: dict[str, dict[str, list[str]]] = {}
    for spec in (sync.spec for sync in load_syncs(ROOT / "include")):
        tasks = expected.setdefault(f"sheets_sync_{spec.team}", {})
        tasks.setdefault(f"workbook_{spec.target.spreadsheet_id}", []).append(spec.sync)
    found = {
        dag.dag_id: {task.task_id: [sync.spec.sync for sync in task.syncs] for task in dag.tasks}
        for dag in dags
        if "sheet-sync" in dag.tags
    }
    assert found == expected
    assert sum(len(syncs) for tasks in found.values() for syncs in tasks.values()) >= 12
    assert sum(map(len, found.values())) >= 6
    loads = {dag.dag_id for dag in dags if "sheet-load" in dag.tags}
    assert loads == {f"sheets_load_{team.team}" for team in load_load_teams(ROOT / "include")}


def test_what_all_syncs_wait_for_is_started_before_what_teams_run(dags: list[Any]) -> None:
    first = {"sheets_dispatch", "sheets_worker", "sheets_request"}
    first |= {"sheets_health", "features_health", "platform_health", "pod_health"}
    weights = {dag.dag_id: {task.priority_weight for task in dag.tasks} for dag in dags}
    assert all(weights[dag_id] == {1_000} for dag_id in first)
    assert max(max(each) for dag_id, each in weights.items() if dag_id not in first) < 1_000


def test_the_syncs_cover_six_workbooks_and_all_modes() -> None:
    specs = [sync.spec for sync in load_syncs(ROOT / "include")]
    assert len({spec.target.spreadsheet_id for spec in specs}) >= 6
    assert {spec.mode.value for spec in specs} == {"replace", "append", "upsert", "mirror"}


def test_every_dag_says_whose_it_is_and_what_it_is_for(dags: list[Any]) -> None:
    for dag in dags:
        team = next((tag.removeprefix("team:") for tag in dag.tags if tag.startswith("team:")), None)
        assert team, f"{dag.dag_id} has no team: tag"
        assert dag.owner == team, dag.dag_id
        assert dag.description, dag.dag_id
        assert len(dag.doc_md or "") > 80, dag.dag_id
        assert dag.catchup is False, dag.dag_id
        assert dag.max_active_runs == (16 if dag.dag_id == "sheets_request" else 1), dag.dag_id
        assert dag.dagrun_timeout, dag.dag_id


def test_every_task_is_tried_again_and_ends_at_some_time(dags: list[Any]) -> None:
    for dag in dags:
        for task in dag.tasks:
            assert 1 <= task.retries <= 5, task.task_id
            assert task.retry_delay >= timedelta(seconds=10), task.task_id
            assert task.execution_timeout, task.task_id
            assert task.execution_timeout <= timedelta(hours=1), task.task_id
            assert task.doc_md, task.task_id


@pytest.mark.parametrize(
    "conf",
    [{"syncs": ["no_such_sync"]}, {"syncs": "retail_live_inventory"}, {"dry_run": "maybe"}, {"syncs": [1]}],
    ids=["unknown sync", "no list", "no boolean", "no name"],
)
def test_a_bad_parameter_is_refused_by_its_schema(bag: DagBag, conf: dict[str, Any]) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    params = bag.dags["sheets_sync_retail"].params
    name, value = next(iter(conf.items()))
    with pytest.raises(ParamValidationError):
        params.get_param(name).resolve(value)


# Sockets, subprocesses, variables and connections: each use ends the parse.
NO_OUTSIDE_WORLD = """
import socket, subprocess, sys, json, os
import airflow.sdk, drivetrain.sheets.catalog, operators.snowflake_to_sheets, operators.sheets_to_snowflake
from airflow.sdk import Variable, Connection
from airflow.dag_processing.dagbag import DagBag

def refuse(what):
    def refused(*arguments, **named):
        raise RuntimeError(f"{what} while a DAG file is parsed")
    return refused

socket.socket.connect = refuse("a network connection")
socket.getaddrinfo = refuse("a name look-up")
subprocess.Popen.__init__ = refuse("a subprocess")
Variable.get = refuse("a Variable")
Connection.get = refuse("a connection")
bag = DagBag(os.path.join(os.getcwd(), "dags"))
print(json.dumps([len(bag.dags), {k: v[-500:] for k, v in bag.import_errors.items()}]))
"""


def test_parsing_asks_neither_the_network_nor_variables_nor_connections(dags: list[Any]) -> None:
    count, errors = json.loads(run_python(NO_OUTSIDE_WORLD).splitlines()[-1])
    assert errors == {}
    assert count == len(dags)


SERIALIZED = """
import json, os, sys
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization
bag = DagBag(os.path.join(os.getcwd(), "dags"))
print(json.dumps({i: DagSerialization.to_dict(d) for i, d in sorted(bag.dags.items())}, sort_keys=True, default=str))
"""


def test_parsing_twice_gives_the_same_serialized_dags() -> None:
    first = run_python(SERIALIZED, PYTHONHASHSEED="1").splitlines()[-1]
    second = run_python(SERIALIZED, PYTHONHASHSEED="2").splitlines()[-1]
    assert json.loads(first), "there are DAGs"
    assert first == second


PLUGIN_SCAN = """
import json, os, sys
os.environ["AIRFLOW__CORE__PLUGINS_FOLDER"] = os.path.join(os.getcwd(), "plugins")
from airflow import plugins_manager
plugins_manager.ensure_plugins_loaded()
import redis, snowflake.connector, gspread, snowflake
import hooks.snowflake
libraries = (redis, snowflake, gspread, hooks.snowflake)
places = {m.__name__: (getattr(m, "__file__", None) or list(m.__path__)[0]) for m in libraries}
folder = os.path.join(os.getcwd(), "plugins")
packages = ("boards", "commands", "drivetrain", "hooks", "operators", "triggers")
files = {name: getattr(m, "__file__", None) or "" for name, m in sys.modules.items() if "." not in name}
ours = [name for name, file in files.items() if file.startswith(folder) and name not in packages]
print(json.dumps([places, ours, plugins_manager.get_import_errors()]))
"""


def test_airflows_plugin_scan_leaves_the_libraries_as_they_are() -> None:
    places, ours, errors = json.loads(run_python(PLUGIN_SCAN).splitlines()[-1])
    for name in ("redis", "snowflake", "gspread"):
        assert "site-packages" in places[name], places
    assert places["hooks.snowflake"] == str(ROOT / "plugins" / "hooks" / "snowflake.py")
    assert ours == [], "registered under their bare stems"
    assert errors == {}, "which Airflow's home page shows; after `pip install -e`, remove plugins/*.egg-info"


def test_the_provider_is_known_with_its_connection_type_and_link() -> None:
    script = (
        "import json\nfrom airflow.providers_manager import ProvidersManager\nm = ProvidersManager()\n"
        "print(json.dumps(['drivetrain' in m.providers, 'googlesheets' in m.hooks,"
        " 'operators.links.GoogleSheetLink' in m.extra_links_class_names]))"
    )
    assert json.loads(run_python(script).splitlines()[-1]) == [True, True, True]


def test_the_page_of_the_dags_and_the_schemas_are_up_to_date(bag: DagBag) -> None:
    from commands import docs, schemas

    assert (ROOT / docs.DAGS_PAGE).read_text(encoding="utf-8") == docs.dags_page(bag), "run `make docs`"
    for path, text in schemas.rendered().items():
        assert (ROOT / path).read_text(encoding="utf-8") == text, "run `make schemas`"
