from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
import yaml

from drivetrain.errors import SpecError
from drivetrain.sheets.load_catalog import load_load_teams, load_loads
from drivetrain.sheets.load_spec import SheetLoadSpec
from drivetrain.specs import load_spec as read_spec
from tests.support.loads import load_document, load_spec

INCLUDE = Path(__file__).parents[4] / "include"


def _refused(tmp_path: Path, document: dict[str, object]) -> str:
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(SpecError) as caught:
        read_spec(path, SheetLoadSpec)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"drift": "add"}, "drift: Input should be 'fail' or 'ignore'"),
        ({"mode": "append"}, "mode: Input should be 'merge' or 'replace'"),
        ({"keys": []}, "keys: mode merge needs at least one key column"),
        ({"keys": ["NOPE"]}, "keys: NOPE is not among the columns"),
        ({"keys": ["CODE", "CODE"]}, "keys: a column appears twice"),
        ({"target": {"table": "SALES.T"}}, "target.table: write the table as DATABASE.SCHEMA.TABLE"),
        ({"target": {"table": 'A.B."C"'}}, "target.table: write the table as DATABASE.SCHEMA.TABLE"),
        ({"target": {"table": "A.B.C; DROP TABLE D"}}, "target.table: write the table as DATABASE.SCHEMA.TABLE"),
        ({"target": {"table": "A.B.C", "tabel": 1}}, "target.tabel: unknown key; known here: connection, table"),
        ({"guards": {"max_reject_share": 2}}, "guards.max_reject_share"),
        (
            {"guards": {"reject": 2}},
            "guards.reject: unknown key; known here: allow_empty, max_delete_share, max_reject_share",
        ),
        ({"freshness": "soon"}, "freshness: write a duration as 30m, 6h or 2d"),
        ({"sink": 1}, "sink: unknown key"),
    ],
)
def test_a_wrong_spec_is_refused_by_file_and_key(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    assert message in _refused(tmp_path, load_document(**changes))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"CODE": "text", "P": "decimal"}, "type decimal needs a scale"),
        ({"CODE": {"type": "text", "format": "0"}}, "format is for tabs that are written"),
        ({"CODE": "float"}, "keys: CODE is a float, which no row can be known by"),
        ({"CODE": "variant"}, "keys: CODE is a variant, which no row can be known by"),
        ({"CODE": "text", "A": {"type": "text", "header": " Code"}, "B": {"type": "text", "header": "CODE "}}, "twice"),
    ],
)
def test_a_column_that_no_load_can_read_is_refused(tmp_path: Path, columns: dict[str, object], message: str) -> None:
    assert message in _refused(tmp_path, load_document(columns))


def test_a_table_is_kept_in_upper_case_as_snowflake_keeps_it() -> None:
    assert (
        load_spec(target={"table": "marketplace.sales.Targets_2026"}).target.table == "MARKETPLACE.SALES.TARGETS_2026"
    )


def test_replace_needs_no_keys() -> None:
    assert load_spec(mode="replace", keys=[]).keys == ()


def test_the_freshness_objective_is_a_time_span() -> None:
    assert load_spec(freshness="90m").freshness_objective == dt.timedelta(minutes=90)


def test_every_load_of_the_repository_is_valid_and_has_its_tables_ddl() -> None:
    specs = load_loads(INCLUDE)
    assert {spec.load for spec in specs.values()} >= {"dealer_targets", "price_overrides"}
    for spec in specs.values():
        ddl = (INCLUDE / "sql" / "sheet_loads" / f"{spec.load}.sql").read_text()
        assert f"CREATE TABLE IF NOT EXISTS {spec.target.table} (" in ddl
        for column in spec.columns:
            assert f"    {column.name} " in ddl


def test_a_team_is_one_dag_with_all_of_its_loads() -> None:
    teams = {team.team: team for team in load_load_teams(INCLUDE)}
    assert list(teams) == sorted(teams)
    assert teams["retail"].crons == ("15 * * * *",)
    assert teams["retail"].timezone == "Asia/Kolkata"
    assert "| dealer_targets |" in teams["retail"].documentation


def _include(tmp_path: Path, *documents: dict[str, object]) -> Path:
    folder = tmp_path / "specs" / "sheet_loads"
    folder.mkdir(parents=True)
    for document in documents:
        (folder / f"{document['load']}.yaml").write_text(yaml.safe_dump(document))
    return tmp_path


def test_two_loads_of_one_table_are_refused(tmp_path: Path) -> None:
    include = _include(tmp_path, load_document(load="one_load"), load_document(load="two_load"))
    with pytest.raises(SpecError, match=r"two_load\.yaml: target\.table: one_load\.yaml writes that table too"):
        load_loads(include)


def test_a_team_with_two_time_zones_is_refused(tmp_path: Path) -> None:
    include = _include(
        tmp_path,
        load_document(load="one_load", schedule={"cron": "0 * * * *"}),
        load_document(
            load="two_load", schedule={"cron": "0 * * * *", "timezone": "Asia/Kolkata"}, target={"table": "A.B.C"}
        ),
    )
    with pytest.raises(SpecError, match="Asia/Kolkata is not the UTC of one_load"):
        load_loads(include)
