from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
import yaml

from drivetrain.errors import SpecError
from drivetrain.sheets.catalog import SyncFiles, load_syncs, load_teams, specs_version

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any


def write(include: Path, name: str, *, folder: str = "", **changes: Any) -> Path:
    """A spec file; keys are changed, None removes one."""
    spec: dict[str, Any] = {
        "sync": name,
        "description": f"What {name} shows.",
        "team": "bi_ops",
        "owner": "bi@example.com",
        "source": {"query": "select 1"},
        "target": {"spreadsheet_id": "a" * 30, "tab": name},
        "mode": "replace",
        "columns": [{"name": "ID", "type": "integer"}],
    } | changes
    path = include / "specs" / "sheets" / folder / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump({k: v for k, v in spec.items() if v is not None}))
    return path


def listing(include: Path, workbooks: Any) -> Path:
    path = include / "specs" / "workbooks.yaml"
    path.write_text(yaml.safe_dump({"workbooks": workbooks}))
    return path


def refusal(include: Path) -> str:
    with pytest.raises(SpecError) as caught:
        load_syncs(include)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_syncs_come_in_the_order_of_their_files_with_their_queries(tmp_path: Path) -> None:
    (tmp_path / "sql" / "sheets").mkdir(parents=True)
    (tmp_path / "sql" / "sheets" / "b.sql").write_text("select 'b'")
    write(tmp_path, "bb", source={"sql": "sheets/b.sql"})
    write(tmp_path, "aa")
    syncs = load_syncs(tmp_path)
    assert [(s.spec.sync, s.sql, s.path.name) for s in syncs] == [
        ("aa", "select 1", "aa.yaml"),
        ("bb", "select 'b'", "bb.yaml"),
    ]


@pytest.mark.parametrize("order", list(itertools.permutations(["c_one", "a_two", "b_three"])))
def test_the_result_is_the_same_whatever_order_the_files_were_made_in(tmp_path: Path, order: tuple[str, ...]) -> None:
    for name in order:
        team = "bi_ops" if name.startswith("b") else "risk"
        target = {"spreadsheet_id": team * 10, "tab": name}
        write(tmp_path, name, team=team, target=target, schedule={"cron": f"{len(name)} 6 * * *"})
    teams = load_teams(tmp_path)
    assert teams == load_teams(tmp_path)
    assert [(t.team, [s.spec.sync for s in t.syncs]) for t in teams] == [
        ("bi_ops", ["b_three"]),
        ("risk", ["a_two", "c_one"]),
    ]
    assert [t.documentation for t in teams] == [t.documentation for t in load_teams(tmp_path)]


def test_no_specs_make_no_teams(tmp_path: Path) -> None:
    assert load_teams(tmp_path) == ()


def test_a_file_is_named_after_its_sync(tmp_path: Path) -> None:
    path = write(tmp_path, "stock", sync="stok")
    assert refusal(tmp_path) == f"{path}: sync: 'stok' is not the file's name, call the file stok.yaml"


def test_two_syncs_may_not_share_a_name(tmp_path: Path) -> None:
    one = write(tmp_path, "stock", folder="a")
    two = write(tmp_path, "stock", folder="b", target={"spreadsheet_id": "b" * 30, "tab": "T"})
    assert refusal(tmp_path) == f"{two}: sync: {one} has that name too, choose another"


def test_two_syncs_may_not_write_one_tab_in_whatever_case(tmp_path: Path) -> None:
    write(tmp_path, "aa", target={"spreadsheet_id": "a" * 30, "tab": "Stock"})
    path = write(tmp_path, "bb", target={"spreadsheet_id": "a" * 30, "tab": "STOCK", "anchor": "H1"})
    assert refusal(tmp_path) == f"{path}: target: aa.yaml writes that tab too, choose another tab"


def test_two_syncs_may_write_tabs_of_one_name_in_two_workbooks(tmp_path: Path) -> None:
    for name, workbook in (("aa", "a" * 30), ("bb", "b" * 30)):
        write(tmp_path, name, target={"spreadsheet_id": workbook, "tab": "Stock"})
    assert len(load_syncs(tmp_path)) == 2


def test_a_query_s_file_has_to_be_there(tmp_path: Path) -> None:
    path = write(tmp_path, "aa", source={"sql": "sheets/none.sql"})
    message = refusal(tmp_path)
    assert message.startswith(f"{path}: source.sql: ")
    assert message.endswith("sql/sheets/none.sql cannot be read: No such file or directory")


def test_a_query_s_file_has_to_be_text(tmp_path: Path) -> None:
    (tmp_path / "sql").mkdir()
    (tmp_path / "sql" / "a.sql").write_bytes(b"select '\xff'")
    path = write(tmp_path, "aa", source={"sql": "a.sql"})
    message = refusal(tmp_path)
    assert message.startswith(f"{path}: source.sql: ")
    assert message.endswith("a.sql is not UTF-8 text: save it as UTF-8")


def test_a_team_s_page_lists_every_sync(tmp_path: Path) -> None:
    write(tmp_path, "aa", schedule={"cron": "0 7 * * *", "timezone": "Asia/Kolkata"})
    write(tmp_path, "bb", mode="append")
    (team,) = load_teams(tmp_path)
    lines = team.documentation.splitlines()
    assert "**bi_ops**" in lines[0]
    assert [line.split(" | ")[0] for line in lines[-2:]] == ["| aa", "| bb"]
    assert "`0 7 * * *`" in lines[-2]
    assert "Asia/Kolkata" in lines[-2]
    assert "on demand" in lines[-1]


def test_a_broken_spec_is_its_team_s_own_and_the_others_go_on(tmp_path: Path) -> None:
    write(tmp_path, "good", team="risk")
    write(tmp_path, "bad key", team="bi", colour="red")
    (tmp_path / "specs" / "sheets" / "noise.yaml").write_text("team: [")
    found = {team.team: team for team in load_teams(tmp_path)}
    assert [sync.spec.sync for sync in found["risk"].syncs] == ["good"]
    assert found["risk"].broken == ()
    (broken,) = found["bi"].broken
    assert (broken.task_id, found["bi"].names) == ("bad_key", ["bad_key"])
    assert "bad key.yaml: " in broken.message
    assert "colour: unknown key" in broken.message
    assert [spec.task_id for spec in found["unassigned"].broken] == ["noise"]


def test_syncs_of_a_workbook_are_one_task_with_their_tabs_for_a_title(tmp_path: Path) -> None:
    book, other = "b" * 44, "o" * 44
    for name in ("aa", "bb", "cc", "dd", "ee"):
        write(tmp_path, name, target={"spreadsheet_id": other if name == "bb" else book, "tab": name.upper()})
    (team,) = load_teams(tmp_path)
    first, second = team.workbooks
    assert (first.task_id, first.title) == (f"workbook_{book}", "AA, CC, DD and 1 more")
    assert (second.task_id, second.title) == (f"workbook_{other}", "BB")
    assert [sync.spec.sync for sync in first.syncs] == ["aa", "cc", "dd", "ee"]
    assert "| cc |" in first.documentation
    assert "| bb |" not in first.documentation


def test_a_team_s_syncs_of_a_workbook_share_one_connection(tmp_path: Path) -> None:
    target = {"spreadsheet_id": "b" * 44}
    write(tmp_path, "aa", target=target | {"tab": "A"})
    write(tmp_path, "bb", team="risk", target=target | {"tab": "B", "connection": "sheets_risk"})
    listing(tmp_path, {"b" * 44: {"team": "bi_ops", "shared_with": ["risk"]}})
    assert [len(team.syncs) for team in load_teams(tmp_path)] == [1, 1]
    path = write(tmp_path, "cc", target=target | {"tab": "C", "connection": "sheets_bi"})
    message = refusal(tmp_path)
    assert message.startswith(f"{path}: target.connection: sheets_bi is not the google_sheets_default of aa.yaml")


def test_a_sync_is_read_when_it_is_asked_for_and_a_broken_one_is_not_there(tmp_path: Path) -> None:
    write(tmp_path, "good", folder="sales")
    write(tmp_path, "broken", colour="red")
    syncs = SyncFiles(tmp_path)
    assert (len(syncs), sorted(syncs)) == (2, ["broken", "good"])
    assert syncs["good"].spec.sync == "good"
    assert syncs.get("broken") is None
    assert syncs.get("nobody") is None


def test_the_version_changes_with_every_spec_and_query(tmp_path: Path) -> None:
    (tmp_path / "sql").mkdir()
    (tmp_path / "sql" / "a.sql").write_text("select 1")
    path = write(tmp_path, "aa", source={"sql": "a.sql"})
    seen = [specs_version(tmp_path)]
    (tmp_path / "sql" / "a.sql").write_text("select 2")
    seen.append(specs_version(tmp_path))
    path.rename(path.with_name("bb.yaml"))
    seen.append(specs_version(tmp_path))
    assert len(set(seen)) == 3
    assert specs_version(tmp_path) == seen[-1]


def test_a_query_with_a_template_is_refused_since_workers_render_none(tmp_path: Path) -> None:
    path = write(tmp_path, "aa", source={"query": "select 1 where day = '{{ ds }}'"})
    message = refusal(tmp_path)
    assert message.startswith(f"{path}: source: the query has a template ({{{{ or {{%): workers render none")


def test_a_workbook_that_is_listed_is_its_team_s_and_those_it_is_shared_with(tmp_path: Path) -> None:
    write(tmp_path, "aa", team="risk")
    write(tmp_path, "bb", team="risk")
    before = specs_version(tmp_path)
    path = listing(tmp_path, {"a" * 30: {"team": "bi_ops"}})
    assert specs_version(tmp_path) != before
    assert refusal(tmp_path) == (
        f"{tmp_path}/specs/sheets/aa.yaml: target.spreadsheet_id: {'a' * 30} is the workbook of team bi_ops, so says "
        "workbooks.yaml: choose one of risk's, or have bi_ops list it in include/specs/workbooks.yaml with "
        "shared_with: [risk]"
    )
    assert SyncFiles(tmp_path).get("aa") is None, "nor for workers"
    listing(tmp_path, {"a" * 30: {"team": "bi_ops", "shared_with": ["risk"]}})
    assert [sync.spec.sync for sync in load_syncs(tmp_path)] == ["aa", "bb"]
    assert SyncFiles(tmp_path)["aa"].spec.team == "risk"
    path.unlink()
    assert len(load_syncs(tmp_path)) == 2


def test_a_workbook_that_is_not_listed_is_the_team_s_with_most_syncs_in_it_whatever_the_files_are_called(
    tmp_path: Path,
) -> None:
    write(tmp_path, "zz_one")
    write(tmp_path, "zz_two")
    write(tmp_path, "aa_intruder", team="risk")
    assert "is the workbook of team bi_ops, which has most syncs in it" in refusal(tmp_path)
    teams = {team.team: team for team in load_teams(tmp_path)}
    assert [sync.spec.sync for sync in teams["bi_ops"].syncs] == ["zz_one", "zz_two"], "theirs go on"
    assert [spec.path.name for spec in teams["risk"].broken] == ["aa_intruder.yaml"]


def test_a_broken_listing_is_told_and_stops_nobody(tmp_path: Path) -> None:
    write(tmp_path, "aa")
    path = listing(tmp_path, {"a" * 30: {"team": "risk", "shared": ["bi_ops"]}})
    message = refusal(tmp_path)
    assert message.startswith(f"{path}: workbooks.{'a' * 30}.shared: unknown key")
    assert [sync.spec.sync for team in load_teams(tmp_path) for sync in team.syncs] == ["aa"]
    assert SyncFiles(tmp_path)["aa"].sql == "select 1"
    [broken] = [spec for team in load_teams(tmp_path) for spec in team.broken]
    assert broken.message == message
