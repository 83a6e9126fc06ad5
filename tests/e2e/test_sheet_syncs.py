"""Snowflake -> Google Sheets through a real Airflow: REST, a real scheduler, git pushes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest

from standins.platform import demo
from standins.platform.secrets import Secrets
from tests.e2e.conftest import run_dag

if TYPE_CHECKING:
    from standins.platform.testing import LocalPlatform

pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.timeout(600)]

DAG = "sheets_sync_retail"
SYNC = "retail_live_inventory"
TASK = "workbook_1RetailCity8qvPXRV3yc4zCGHpmJrIzROp56V9NaIgM"
SPEC = f"include/specs/sheets/{SYNC}.yaml"


def writes(platform: LocalPlatform) -> int:
    calls = httpx.get(f"{platform.sheets_url}/_control/calls", params={"since": 0}, trust_env=False).json()["calls"]
    return sum(call["kind"] == "write" for call in calls)


# First, while that tab is still to be made.
def test_a_dry_run_returns_the_typed_plan_and_writes_nothing(platform: LocalPlatform) -> None:
    before = writes(platform)
    plan = run_dag(platform, "sheets_sync_pricing", {"syncs": ["pricing_stale_listings"], "dry_run": True})[
        "pricing_stale_listings"
    ]
    assert writes(platform) == before
    assert plan["outcome"] == "planned"
    assert plan["rows_added"] == plan["rows"] > 100
    assert plan["cells_added"] > plan["rows_added"]
    assert plan["calls_needed"] == 1
    assert plan["quota_share"] == pytest.approx(1 / 60, abs=1e-3)
    assert {column["type"] for column in plan["columns"]} >= {"text", "decimal", "variant"}
    assert plan["preview"][0]["change"] == "added"


def test_a_run_of_every_team_fills_every_tab_exactly_as_its_query_says(platform: LocalPlatform) -> None:
    end = demo.run_syncs(platform.layout, platform.api, lambda _: None)
    syncs = {row.name: {"state": row.state, **row.summary} for row in end.rows}
    assert len(syncs) >= 12
    assert len({sync["spreadsheet_id"] for sync in syncs.values()}) >= 6
    assert {sync["mode"] for sync in syncs.values()} == {"replace", "append", "upsert", "mirror"}
    # The examples of the REST page have written one of them already.
    assert sum(sync["outcome"] == "written" for sync in syncs.values()) >= len(syncs) - 1
    # A workbook's small syncs share one look and one write.
    dealers = [syncs[name] for name in ("retail_dealer_scorecard", "retail_deliveries", SYNC)]
    assert sum(sync["write_calls"] for sync in dealers) == 1
    # Reads every tab back through gspread and compares it, cell for cell and by type, with Snowflake's plain cursor.
    demo.verify(platform.layout, platform.api, end)


def test_a_second_run_writes_nothing(platform: LocalPlatform) -> None:
    run_dag(platform, DAG, {"syncs": [SYNC]})
    before = writes(platform)
    syncs = run_dag(platform, DAG, {"syncs": [SYNC, "retail_lead_log"]})
    assert {name: sync["outcome"] for name, sync in syncs.items()} == {
        SYNC: "unchanged",
        "retail_lead_log": "already_applied",
    }
    assert writes(platform) == before


@pytest.mark.parametrize(
    "conf",
    [{"syncs": ["no_such_sync"]}, {"syncs": "all"}, {"dry_run": "yes"}],
    ids=["unknown sync", "no list", "no boolean"],
)
def test_a_bad_trigger_is_refused_with_a_clear_400(platform: LocalPlatform, conf: dict[str, object]) -> None:
    answer = platform.api.post(f"dags/{DAG}/dagRuns", json={"logical_date": None, "conf": conf})
    assert answer.status_code == 400, answer.text
    assert next(iter(conf)) in answer.text
    assert "Traceback" not in answer.text


def test_a_task_links_to_its_sheet_and_that_page_opens(platform: LocalPlatform) -> None:
    tasks = run_dag(platform, DAG, {"syncs": [SYNC]})
    assert {name: task["state"] for name, task in tasks.items()} == {SYNC: "success", "Lead log, New leads": "skipped"}
    task = tasks[SYNC]
    links = platform.api.read(f"dags/{DAG}/dagRuns/{task['run_id']}/taskInstances/{TASK}/links")["extra_links"]
    assert links["Google Sheet"] == task["url"]
    page = httpx.get(links["Google Sheet"].split("#")[0], trust_env=False)
    assert page.status_code == 200
    assert "Retail: city managers" in page.text


def test_a_git_push_that_changes_a_spec_is_picked_up_and_written(platform: LocalPlatform) -> None:
    spec = (platform.layout.repository / SPEC).read_text(encoding="utf-8")
    assert "header: Listing code" in spec
    sha = platform.push({SPEC: spec.replace("header: Listing code", "header: Car code")}, "Rename a header")
    platform.wait_for_version(sha)
    task = run_dag(platform, DAG, {"syncs": [SYNC]})[SYNC]
    assert (task["outcome"], task["rows_changed"]) == ("written", 0)
    run = platform.api.read(f"dags/{DAG}/dagRuns/{task['run_id']}")
    assert run["bundle_version"] == sha
    rows = httpx.get(
        f"{platform.sheets_url}/_view/{task['spreadsheet_id']}/{task['gid']}/rows",
        params={"start": 0, "count": 1},
        trust_env=False,
    )
    assert "Car code" in rows.text


def test_a_git_push_with_a_broken_spec_fails_that_sync_with_file_and_key_and_no_other(platform: LocalPlatform) -> None:
    spec = (platform.layout.repository / SPEC).read_text(encoding="utf-8")
    platform.wait_for_version(platform.push({SPEC: spec + "colour: red\n"}, "Break a spec"))
    tasks = run_dag(platform, DAG, {"syncs": [SYNC, "retail_deliveries"]})
    platform.wait_for_version(platform.push())
    assert tasks["retail_deliveries"]["state"] == "success"
    assert tasks[SYNC]["state"] == "failed"
    assert f"{SYNC}.yaml: colour: unknown key; known here: attempts" in tasks[SYNC]["error"]
    assert run_dag(platform, DAG, {"syncs": [SYNC]})[SYNC]["state"] == "success"


def test_a_misspelled_key_of_a_trigger_does_not_write(platform: LocalPlatform) -> None:
    before = writes(platform)
    tasks = run_dag(platform, DAG, {"syncs": [SYNC], "dryrun": True})
    assert len(tasks) == 2
    for task in tasks.values():
        assert task["state"] == "failed"
        assert "conf: unknown key dryrun; known: dry_run, syncs" in task["error"]
    assert writes(platform) == before


def test_a_failure_is_one_line_that_names_the_fix_and_is_not_tried_again(platform: LocalPlatform) -> None:
    spec = (platform.layout.repository / SPEC).read_text(encoding="utf-8")
    broken = spec.replace("- {name: LISTING_CODE,", "- {name: LISTING_KODE,").replace(
        "[LISTING_CODE]", "[LISTING_KODE]"
    )
    platform.wait_for_version(platform.push({SPEC: broken}, "Name a column that is not there"))
    tasks = run_dag(platform, DAG, {"syncs": [SYNC, "retail_deliveries"]})
    platform.wait_for_version(platform.push())
    assert tasks["retail_deliveries"]["outcome"] == "unchanged", "of the same workbook, and it fails alone"
    task = tasks[SYNC]
    assert (task["state"], task["outcome"]) == ("failed", "failed")
    assert f"sync {SYNC}: columns: the query does not give LISTING_KODE" in task["error"]
    assert "correct the spec's columns or the query" in task["error"]
    instance = platform.api.read(f"dags/{DAG}/dagRuns/{task['run_id']}/taskInstances/{TASK}")
    assert instance["try_number"] == 1


def test_lineage_names_the_tables_and_the_tab(platform: LocalPlatform) -> None:
    run_dag(platform, DAG, {"syncs": [SYNC]})
    events = [
        json.loads(line)
        for file in (platform.home / "lineage").iterdir()
        for line in file.read_text(encoding="utf-8").splitlines()
    ]
    done = [e for e in events if e["eventType"] == "COMPLETE" and e["job"]["name"] == f"{DAG}.{TASK}" and e["outputs"]]
    assert done, "a run was reported"
    assert "MARKETPLACE.INVENTORY.LISTINGS" in {table["name"] for table in done[-1]["inputs"]}
    assert [tab["name"] for tab in done[-1]["outputs"]] == ["Live inventory"]


def test_a_tab_that_people_edit_is_loaded_into_snowflake(platform: LocalPlatform) -> None:
    task = run_dag(platform, "sheets_load_retail")["dealer_targets"]
    assert (task["state"], task["error"]) == ("success", "")
    assert task["rows_inserted"] >= 1
    again = run_dag(platform, "sheets_load_retail")["dealer_targets"]
    assert (again["rows_inserted"], again["rows_updated"]) == (0, 0)


def test_no_secret_is_in_what_the_runs_left_behind(platform: LocalPlatform) -> None:
    secrets = Secrets.of(platform.layout.secrets_file)
    key = json.loads(next((platform.home / "sheets" / "accounts").glob("*.json")).read_text())["private_key"]
    needles = [value for value in vars(secrets).values() if isinstance(value, str) and len(value) > 8]
    needles += [line for line in key.splitlines() if len(line) == 64][:3]
    assert len(needles) >= 5
    read = 0
    for folder in ("logs", "airflow/logs", "lineage", "bundles", "git"):
        for file in (platform.home / folder).rglob("*"):
            if file.is_file():
                read += 1
                content = file.read_bytes()
                assert not [needle for needle in needles if needle.encode() in content], file
    assert read > 20
    for dag in platform.api.items("dags", "dags"):
        entries = platform.api.items(f"dags/{dag['dag_id']}/dagRuns/~/taskInstances/~/xcomEntries", "xcom_entries")
        text = json.dumps(list(entries))
        instances = json.dumps(
            list(platform.api.items(f"dags/{dag['dag_id']}/dagRuns/~/taskInstances", "task_instances"))
        )
        assert not [needle for needle in needles if needle in text + instances]
