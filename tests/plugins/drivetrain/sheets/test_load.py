from __future__ import annotations

from typing import Any

import pytest

from drivetrain.errors import GuardError, SchemaDriftError, TargetMissingError, UnavailableError
from drivetrain.sheets.load import run_load
from drivetrain.sheets.load_tab import read_tab
from drivetrain.sheets.observe import parse_workbook
from drivetrain.sheets.port import Settings
from drivetrain.sheets.rejects import Reject
from tests.support.loads import ScriptedSession, TabPort, load_spec

TABLE = {"CODE": "VARCHAR(20)", "N": "NUMBER(38,0)"}
HEADER = ["CODE", "N"]


def test_a_merge_is_these_statements_in_this_order() -> None:
    session = ScriptedSession(TABLE, {"MERGE": [{"number of rows inserted": 2, "number of rows updated": 1}]})
    outcome = run_load(load_spec(), TabPort([HEADER, ["a", 1], ["b", 2], ["c", 3]]), session)
    assert session.words == ["USE", "DESCRIBE", "CREATE", "CREATE", "PUT", "COPY", "MERGE"]
    assert (outcome.outcome, outcome.rows_read, outcome.rows_inserted, outcome.rows_updated) == ("written", 3, 2, 1)


def test_a_replace_that_changes_nothing_opens_no_transaction() -> None:
    session = ScriptedSession(TABLE)
    outcome = run_load(load_spec(mode="replace"), TabPort([HEADER, ["a", 1]]), session)
    assert session.words == ["USE", "DESCRIBE", "CREATE", "CREATE", "PUT", "COPY", "SELECT"]
    assert outcome.outcome == "unchanged"


@pytest.mark.parametrize("mode", ["merge", "replace"])
def test_a_dry_run_changes_nothing_and_shows_the_rows(mode: str) -> None:
    session = ScriptedSession(TABLE, {"SELECT": [{"inserted": 1, "updated": 0, "deleted": 0, "before": 0}]})
    told: list[Any] = []
    outcome = run_load(
        load_spec(mode=mode, guards={"max_reject_share": 0.5}),
        TabPort([HEADER, ["a", 1], ["b", "x"]]),
        session,
        dry_run=True,
        on_rejects=told.append,
    )
    assert not {"MERGE", "BEGIN", "DELETE", "INSERT"} & set(session.words)
    assert told == []
    summary = outcome.summary()
    assert (summary["outcome"], summary["rows_inserted"], summary["rows_rejected"]) == ("planned", 1, 1)
    assert summary["preview"] == [{"row": 2, "values": {"CODE": "a", "N": "1"}}]
    assert summary["worst"][0].startswith("B3 (N): the text 'x' is not a whole number")


def test_too_many_bad_rows_stop_the_load_before_anything_is_written_and_are_kept() -> None:
    session, kept = ScriptedSession(TABLE), list[Reject]()
    port = TabPort([HEADER, ["a", 1], ["b", "x"], ["c", "y"], ["d", "z"], ["e", "w"]])
    with pytest.raises(GuardError) as caught:
        run_load(load_spec(), port, session, on_rejects=kept.extend)
    assert session.words == ["USE", "DESCRIBE"]
    assert [reject.address for reject in kept] == ["B3", "B4", "B5", "B6"]
    message = str(caught.value)
    assert "4 of 5 rows (80%) can't be loaded, more than guards.max_reject_share = 10%" in message
    assert all(f"{cell} (N)" in message for cell in ("B3", "B4", "B5"))
    assert "B6" not in message


def test_a_few_bad_rows_are_set_aside_and_the_others_loaded() -> None:
    session, kept = ScriptedSession(TABLE), list[Reject]()
    rows = [HEADER, *([f"k{i}", i] for i in range(19)), ["z", "x"]]
    run_load(load_spec(), TabPort(rows), session, on_rejects=kept.extend)
    assert (session.staged_rows, len(kept)) == (19, 1)


@pytest.mark.parametrize("mode", ["merge", "replace"])
def test_an_empty_tab_is_a_mistake_unless_the_spec_allows_it(mode: str) -> None:
    with pytest.raises(GuardError, match="has no rows to load: fill it, or set guards"):
        run_load(load_spec(mode=mode), TabPort([HEADER]), ScriptedSession(TABLE))
    session = ScriptedSession(TABLE, {"SELECT": [{"inserted": 0, "deleted": 9, "before": 9}]})
    outcome = run_load(load_spec(mode=mode, guards={"allow_empty": True}), TabPort([HEADER]), session)
    assert "PUT" not in session.words
    assert outcome.rows_deleted == (9 if mode == "replace" else 0)


def test_a_replace_refuses_to_shrink_the_table_beyond_its_guard() -> None:
    session = ScriptedSession(TABLE, {"SELECT": [{"inserted": 0, "deleted": 9, "before": 10}]})
    with pytest.raises(
        GuardError, match=r"has 10 rows, the tab 1: 90% fewer, more than guards\.max_delete_share = 50%"
    ):
        run_load(load_spec(mode="replace"), TabPort([HEADER, ["a", 1]]), session)
    assert "BEGIN" not in session.words


def test_rows_that_somebody_adds_in_between_are_not_deleted_beyond_the_guard() -> None:
    answers = {
        "SELECT": [{"inserted": 1, "deleted": 1, "before": 1}],
        "DELETE": [{"number of rows deleted": 100}],
    }
    session = ScriptedSession(TABLE, answers)
    with pytest.raises(GuardError):
        run_load(load_spec(mode="replace"), TabPort([HEADER, ["a", 1]]), session)
    assert "COMMIT" not in session.words


def test_rows_lost_on_the_way_to_the_stage_are_noticed() -> None:
    class Leaky(ScriptedSession):
        def execute(self, sql: str) -> list[dict[str, Any]]:
            rows = super().execute(sql)
            return [{"rows_loaded": 1}] if sql.startswith("COPY") else rows

    with pytest.raises(UnavailableError, match="1 of 2 rows reached the stage"):
        run_load(load_spec(), TabPort([HEADER, ["a", 1], ["b", 2]]), Leaky(TABLE))


def test_a_table_that_does_not_fit_is_refused_before_the_tab_is_read() -> None:
    port = TabPort([HEADER])
    with pytest.raises(SchemaDriftError):
        run_load(load_spec(), port, ScriptedSession({"CODE": "DATE", "N": "NUMBER(38,0)"}))
    assert port.usage.read_calls == 0


def test_a_tab_that_was_deleted_or_renamed_is_told_with_those_that_are_there() -> None:
    port = TabPort([HEADER], tabs=("Data (old)", "Notes"))
    with pytest.raises(TargetMissingError, match=r"workbook 'Book' has no tab 'Data', only 'Data \(old\)', 'Notes'"):
        run_load(load_spec(), port, ScriptedSession(TABLE))


def test_a_long_tab_is_read_and_staged_in_parts() -> None:
    rows = [HEADER, *([f"k{i}", i] for i in range(100))]
    session = ScriptedSession(TABLE)
    port = TabPort(rows, grid_rows=150)
    outcome = run_load(load_spec(), port, session, settings=Settings(read_cells=26 * 30))
    assert (outcome.rows_read, outcome.files, session.staged_rows) == (100, 4, 100)
    assert outcome.read_calls == 1 + 5


def test_parts_keep_their_row_numbers_across_blank_rows_and_from_an_anchor() -> None:
    rows: list[list[object]] = [[], ["", "", "CODE", "N"], *([] for _ in range(40)), ["", "", "a", "x"]]
    spec = load_spec(source={"anchor": "C2"}, guards={"max_reject_share": 1, "allow_empty": True})
    outcome = run_load(spec, TabPort(rows), ScriptedSession(TABLE), settings=Settings(read_cells=24 * 7))
    assert [reject.address for reject in outcome.rejects] == ["D43"]


def test_an_anchor_outside_of_the_tab_is_a_missing_header() -> None:
    with pytest.raises(SchemaDriftError, match="has no headers in row 900"):
        run_load(load_spec(source={"anchor": "A900"}), TabPort([HEADER]), ScriptedSession(TABLE))


def test_a_part_is_never_larger_than_asked_but_for_one_row() -> None:
    port, spec = TabPort([HEADER], grid_rows=10), load_spec()
    tab = parse_workbook(port.get_workbook("x", ""), "small").tabs[0]
    assert [start for start, _ in read_tab(spec, port, tab, cells_a_call=1)] == list(range(10))
