"""Loads over real sockets: gspread's client against a Sheets server, Snowflake's connector against a Snowflake one."""

from __future__ import annotations

import datetime as dt
import json
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from drivetrain.errors import (
    AccessDeniedError,
    CredentialsError,
    GuardError,
    SchemaDriftError,
    SourceError,
    TargetMissingError,
)
from drivetrain.sheets.load import DEFAULTS, run_load
from drivetrain.sheets.load_catalog import load_loads
from drivetrain.sheets.load_spec import SheetLoadSpec
from drivetrain.sheets.port import Settings
from drivetrain.sheets.rejects import Reason
from hooks.snowflake_load import SnowflakeLoadHook
from standins.snowflake.testing import SnowflakeStandin, standins_python
from tests.support.loads import TYPES, load_document
from tests.support.sheets import sheets_client

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from drivetrain.sheets.load_outcome import LoadOutcome
    from drivetrain.sheets.rejects import Reject
    from hooks.snowflake_load import TableSession
    from standins.sheets.testing import SheetsStandin

INCLUDE = Path(__file__).parents[3] / "include"
NINES = "9" * 38
ALL_TYPES = """
    CODE VARCHAR(20) NOT NULL, C_INTEGER NUMBER(38,0), C_DECIMAL NUMBER(38,2), C_FLOAT FLOAT, C_BOOLEAN BOOLEAN,
    C_DATE DATE, C_TIME TIME, C_TIMESTAMP TIMESTAMP_NTZ, C_TIMESTAMP_TZ TIMESTAMP_TZ, C_VARIANT VARIANT,
    C_BINARY BINARY
"""
ALL_COLUMNS: dict[str, Any] = {"CODE": "text"} | {
    f"C_{kind.upper()}": {"type": kind, "scale": 2} if kind == "decimal" else {"type": kind}
    for kind in TYPES
    if kind != "text"
}
FULL = [
    "🚗 a", NINES, f"-{'9' * 36}.99", 1.5, True, 46053, 0.75, 46053.25, "2026-01-31T13:45:00+05:30", '{"a": [1, null]}',
    "00ff",
]  # fmt: skip


@pytest.fixture(scope="module")
def snowflake() -> Iterator[SnowflakeStandin]:
    try:
        standins_python()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    with SnowflakeStandin() as standin:
        with closing(standin.connect()) as connection:
            connection.cursor().execute("CREATE DATABASE MARKETPLACE")
            connection.cursor().execute("CREATE SCHEMA MARKETPLACE.SALES")
        yield standin


class Bench:
    """A workbook with a tab, Data, and a table, T<n>, and what runs loads from one to the other."""

    def __init__(self, sheets: SheetsStandin, snowflake: SnowflakeStandin, workbook: str, table: str) -> None:
        self.sheets, self.workbook, self.table = sheets, workbook, f"MARKETPLACE.SALES.{table}"
        self._connection = snowflake.connect(database="MARKETPLACE", schema="SALES")
        self.rejects: list[Reject] = []
        self.settings = DEFAULTS

    def close(self) -> None:
        self._connection.close()

    def sql(self, text: str) -> list[tuple[Any, ...]]:
        with closing(self._connection.cursor()) as cursor:
            rows: list[tuple[Any, ...]] = cursor.execute(text.replace("{t}", self.table)).fetchall()
        return rows

    def rows(self) -> list[tuple[Any, ...]]:
        return self.sql("SELECT * FROM {t} ORDER BY 1")

    def write(self, *rows: Sequence[Any], tab: str = "Data") -> None:
        worksheet = self.sheets.gspread_client().open_by_key(self.workbook).worksheet(tab)
        worksheet.clear()
        worksheet.update([list(row) for row in rows], value_input_option="RAW")

    def spec(self, columns: dict[str, Any] | None = None, **changes: Any) -> SheetLoadSpec:
        changes = {"source": {"spreadsheet_id": self.workbook}, "target": {"table": self.table}} | changes
        return SheetLoadSpec.model_validate(load_document(columns, **changes))

    def load(
        self,
        spec: SheetLoadSpec,
        *,
        account: str = "sync-1",
        dry_run: bool = False,
        wrap: Any = lambda session: session,
    ) -> LoadOutcome:
        self.rejects.clear()
        client = sheets_client(self.sheets, account=account)
        with SnowflakeLoadHook().table_session(f"load {spec.load}") as session:
            return run_load(
                spec,
                client,
                wrap(session),
                dry_run=dry_run,
                settings=self.settings,
                on_rejects=self.rejects.extend,
            )


def _connection(snowflake: SnowflakeStandin, **changes: Any) -> str:
    extra = {"account": "standin", "host": snowflake.host, "port": snowflake.port, "protocol": "http"}
    document = {"conn_type": "snowflake", "login": snowflake.user, "password": snowflake.password, "extra": extra}
    return json.dumps(document | changes)


@pytest.fixture
def bench(
    sheets: SheetsStandin,
    snowflake: SnowflakeStandin,
    workbook: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Bench]:
    monkeypatch.setenv("AIRFLOW_CONN_SNOWFLAKE_DEFAULT", _connection(snowflake))
    sheets.gspread_client().open_by_key(workbook).add_worksheet("Data", rows=200, cols=12)
    bench = Bench(sheets, snowflake, workbook, f"T{abs(hash(request.node.nodeid)) % 10**12}")
    yield bench
    bench.close()


@pytest.fixture
def small(bench: Bench) -> Bench:
    """CODE, N and a column that no spec names."""
    bench.sql("CREATE TABLE {t} (CODE VARCHAR(6) NOT NULL, N NUMBER(38,0), OWN VARCHAR DEFAULT 'ours')")
    return bench


def test_every_type_arrives_exactly_with_38_digits_emoji_and_nulls(bench: Bench) -> None:
    bench.sql(f"CREATE TABLE {{t}} ({ALL_TYPES})")
    bench.write(list(ALL_COLUMNS), FULL, ["b"])
    outcome = bench.load(bench.spec(ALL_COLUMNS))
    assert (outcome.outcome, outcome.rows_inserted, outcome.rows_rejected) == ("written", 2, 0)
    empty, full = bench.rows()
    assert empty == ("b", *[None] * 10)
    assert full[:8] == (
        "🚗 a", int(NINES), Decimal(f"-{'9' * 36}.99"), 1.5, True, dt.date(2026, 1, 31), dt.time(18),
        dt.datetime(2026, 1, 31, 6),  # noqa: DTZ001
    )  # fmt: skip
    assert full[8] == dt.datetime(2026, 1, 31, 8, 15, tzinfo=dt.UTC)
    assert (json.loads(full[9]), bytes(full[10])) == ({"a": [1, None]}, b"\x00\xff")


@pytest.mark.parametrize("mode", ["merge", "replace"])
def test_a_load_of_every_type_run_twice_changes_nothing_the_second_time(bench: Bench, mode: str) -> None:
    bench.sql(f"CREATE TABLE {{t}} ({ALL_TYPES})")
    bench.write(list(ALL_COLUMNS), FULL, ["b"])
    spec = bench.spec(ALL_COLUMNS, mode=mode)
    assert bench.load(spec).outcome == "written"
    before = bench.rows()
    again = bench.load(spec)
    assert (again.outcome, again.rows_inserted, again.rows_updated, again.rows_deleted) == ("unchanged", 0, 0, 0)
    assert bench.rows() == before


def test_a_merge_updates_what_changed_inserts_what_is_new_and_leaves_the_rest(small: Bench) -> None:
    small.sql("INSERT INTO {t} (CODE, N, OWN) VALUES ('a', 1, 'x'), ('b', 2, 'y'), ('gone', 3, 'z')")
    small.write(["CODE", "N"], ["a", 1], ["b", 20], ["c", ""])
    outcome = small.load(small.spec())
    assert (outcome.rows_inserted, outcome.rows_updated) == (1, 1)
    assert small.rows() == [("a", 1, "x"), ("b", 20, "y"), ("c", None, "ours"), ("gone", 3, "z")]


def test_a_cell_that_people_emptied_becomes_null(small: Bench) -> None:
    small.sql("INSERT INTO {t} (CODE, N) VALUES ('a', 1)")
    small.write(["CODE", "N"], ["a", ""])
    assert small.load(small.spec()).rows_updated == 1
    assert small.rows()[0][:2] == ("a", None)


def test_columns_that_people_move_and_add_change_nothing(small: Bench) -> None:
    small.write(["CODE", "N"], ["a", 1])
    small.load(small.spec())
    small.write(["", "Notes", "n ", "", " Code"], ["", "sold", 1, "=", "a"])
    assert small.load(small.spec(drift="ignore")).outcome == "unchanged"
    with pytest.raises(SchemaDriftError, match=r"headers that columns does not list: Notes \(B1\)"):
        small.load(small.spec())


def test_a_missing_header_is_told_and_the_table_stays(small: Bench) -> None:
    small.sql("INSERT INTO {t} (CODE, N) VALUES ('a', 1)")
    small.write(["CODE", "Number"], ["a", 2])
    with pytest.raises(SchemaDriftError, match=r"lacks the header N; it has CODE \(A1\), Number \(B1\)"):
        small.load(small.spec())
    assert small.rows()[0][:2] == ("a", 1)


def test_a_deleted_tab_is_told_with_the_tabs_that_are_there(small: Bench) -> None:
    book = small.sheets.gspread_client().open_by_key(small.workbook)
    book.del_worksheet(book.worksheet("Data"))
    with pytest.raises(TargetMissingError, match=r"has no tab 'Data', only 'Sheet1': restore or rename it there"):
        small.load(small.spec())


def test_a_workbook_that_is_not_shared_is_told_with_the_account(small: Bench) -> None:
    with pytest.raises(AccessDeniedError, match="sync-3"):
        small.load(small.spec(), account="sync-3")


def test_a_busy_google_is_asked_again(small: Bench) -> None:
    small.write(["CODE", "N"], ["a", 1])
    small.sheets.fault("503", nth=1, spreadsheet_id=small.workbook)
    small.sheets.fault("429", nth=3, spreadsheet_id=small.workbook)
    try:
        assert small.load(small.spec()).rows_inserted == 1
    finally:
        small.sheets.clear_faults()


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("C_INTEGER", "many"), ("C_DECIMAL", 1 / 3), ("C_FLOAT", "1.5.1"), ("C_BOOLEAN", "yes"),
        ("C_DATE", "31/01/2026"), ("C_TIME", "noon"), ("C_TIMESTAMP", "2026-01-31T13:45:00+05:30"),
        ("C_TIMESTAMP_TZ", 46053.5), ("C_VARIANT", "{a: 1}"), ("C_BINARY", "0x"),
    ],
)  # fmt: skip
def test_a_bad_cell_of_any_type_is_set_aside_by_its_address_and_the_other_rows_arrive(
    bench: Bench, column: str, cell: Any
) -> None:
    bench.sql(f"CREATE TABLE {{t}} ({ALL_TYPES})")
    names = list(ALL_COLUMNS)
    bad = ["bad", *["" if name != column else cell for name in names[1:]]]
    bench.write(names, FULL, bad, ["b"])
    outcome = bench.load(bench.spec(ALL_COLUMNS, guards={"max_reject_share": 0.5}))
    assert (outcome.rows_inserted, outcome.rows_rejected) == (2, 1)
    (reject,) = bench.rejects
    assert (reject.address, reject.column) == (f"{'ABCDEFGHIJK'[names.index(column)]}3", column)
    assert (reject.row, reject.key, reject.reason) == (3, "bad", Reason.BAD_CELL)
    assert "accepted: " in reject.detail
    assert sorted(row[0] for row in bench.rows()) == ["b", "🚗 a"]


def test_a_formula_that_failed_and_one_that_computes(small: Bench) -> None:
    small.write(["CODE", "N"], ["a", ""], ["b", ""])
    tab = small.sheets.gspread_client().open_by_key(small.workbook).worksheet("Data")
    tab.update([["=1/0"], ["=2*3"]], "B2", value_input_option="USER_ENTERED")
    small.load(small.spec(guards={"max_reject_share": 0.5}))
    assert [(reject.address, reject.detail[:27]) for reject in small.rejects] == [("B2", "the cell shows #DIV/0!, so ")]
    assert small.rows() == [("b", 6, "ours")]


def test_duplicates_missing_keys_and_values_too_long_are_set_aside(small: Bench) -> None:
    small.write(["CODE", "N"], ["a", 1], ["a", 2], ["", 3], ["far too long", 4], [], ["b", 5])
    small.load(small.spec(guards={"max_reject_share": 1}))
    assert [(reject.address, reject.reason) for reject in small.rejects] == [
        ("A3", Reason.DUPLICATE_KEY),
        ("A4", Reason.NULL_KEY),
        ("A5", Reason.BAD_CELL),
    ]
    assert [row[:2] for row in small.rows()] == [("a", 1), ("b", 5)]


def test_too_many_bad_rows_load_nothing_and_name_the_worst_cells(small: Bench) -> None:
    small.write(["CODE", "N"], ["a", 1], ["b", "x"])
    with pytest.raises(GuardError, match=r"1 of 2 rows \(50%\).*B3 \(N\): the text 'x' is not a whole number"):
        small.load(small.spec())
    assert small.rows() == []
    assert [reject.address for reject in small.rejects] == ["B3"]


def test_a_replace_makes_the_table_what_the_tab_says(small: Bench) -> None:
    small.sql("INSERT INTO {t} (CODE, N) VALUES ('a', 1), ('b', 2), ('c', 3)")
    small.write(["CODE", "N"], ["a", 1], ["b", 20], ["d", 4])
    outcome = small.load(small.spec(mode="replace"))
    assert (outcome.outcome, outcome.rows_inserted, outcome.rows_deleted) == ("written", 2, 2)
    assert [row[:2] for row in small.rows()] == [("a", 1), ("b", 20), ("d", 4)]


def test_a_replace_without_keys_keeps_rows_that_stand_there_twice(small: Bench) -> None:
    small.write(["CODE", "N"], ["a", 1], ["a", 1], ["b", 2])
    spec = small.spec(mode="replace", keys=[])
    small.load(spec)
    small.write(["CODE", "N"], ["a", 1], ["b", 2], ["b", 2])
    outcome = small.load(spec)
    assert (outcome.rows_inserted, outcome.rows_deleted) == (1, 1)
    assert [row[:2] for row in small.rows()] == [("a", 1), ("b", 2), ("b", 2)]


def test_a_replace_does_not_shrink_or_empty_the_table_beyond_its_guards(small: Bench) -> None:
    small.sql("INSERT INTO {t} (CODE, N) SELECT 'k' || SEQ4(), 1 FROM TABLE(GENERATOR(ROWCOUNT => 10))")
    small.write(["CODE", "N"], ["a", 1])
    with pytest.raises(GuardError, match="has 10 rows, the tab 1: 90% fewer"):
        small.load(small.spec(mode="replace"))
    small.write(["CODE", "N"])
    with pytest.raises(GuardError, match="has no rows to load"):
        small.load(small.spec(mode="replace"))
    assert len(small.rows()) == 10
    small.load(small.spec(mode="replace", guards={"allow_empty": True}))
    assert small.rows() == []


@pytest.mark.parametrize("mode", ["merge", "replace"])
def test_a_dry_run_counts_what_a_run_then_does_and_leaves_nothing_behind(small: Bench, mode: str) -> None:
    small.sql("INSERT INTO {t} (CODE, N) VALUES ('a', 1), ('b', 2)")
    before = small.rows()
    small.write(["CODE", "N"], ["a", 10], ["c", 3])
    spec = small.spec(mode=mode)
    plan = small.load(spec, dry_run=True)
    assert plan.outcome == "planned"
    assert plan.preview[0] == {"row": 2, "values": {"CODE": "a", "N": "10"}}
    assert small.rows() == before
    assert not [row for row in small.sql("SHOW TABLES IN SCHEMA MARKETPLACE.SALES") if "_LOAD_" in str(row[1])]
    done = small.load(spec)
    assert [getattr(done, f"rows_{what}") for what in ("inserted", "updated", "deleted")] == [
        getattr(plan, f"rows_{what}") for what in ("inserted", "updated", "deleted")
    ]


class KilledError(BaseException):
    """The worker is gone: nothing catches it."""


class Dying:
    """A session that ends the worker at the nth statement: before Snowflake gets it, or before its answer arrives."""

    def __init__(self, session: TableSession, nth: int, when: str) -> None:
        self._session, self._left, self._when = session, nth, when
        self.statements: list[str] = []

    def execute(self, sql: str) -> list[dict[str, Any]]:
        self._left -= 1
        if self._left == 0 and self._when == "before":
            raise KilledError(sql)
        answer = self._session.execute(sql)
        self.statements.append(sql)
        if self._left == 0:
            raise KilledError(sql)
        return answer


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("mode", "statements"), [("merge", 7), ("replace", 11)])
def test_a_worker_killed_at_any_statement_and_run_again_ends_in_the_same_state(
    small: Bench, mode: str, statements: int, when: str
) -> None:
    old = "INSERT INTO {t} (CODE, N) VALUES ('a', 1), ('b', 2), ('c', 3)"
    small.write(["CODE", "N"], ["a", 1], ["b", 20], ["d", 4])
    spec = small.spec(mode=mode)
    small.sql(old)
    untouched = small.rows()
    seen: list[Dying] = []
    small.load(spec, wrap=lambda session: seen.append(Dying(session, 999, when)) or seen[0])
    assert len(seen[0].statements) == statements
    wanted = small.rows()
    for nth in range(1, statements + 1):
        small.sql("DELETE FROM {t}")
        small.sql(old)
        with pytest.raises(KilledError):
            small.load(spec, wrap=lambda session, nth=nth: Dying(session, nth, when))
        last = nth == statements
        assert small.rows() == (wanted if last and when == "after" else untouched), seen[0].statements[nth - 1]
        again = small.load(spec)
        assert small.rows() == wanted
        assert again.outcome == ("unchanged" if last and when == "after" else "written")


def test_a_tab_of_many_parts_arrives_whole(small: Bench) -> None:
    rows = [[f"k{i}", i] for i in range(180)]
    small.write(["CODE", "N"], *rows)
    small.settings = Settings(read_cells=12 * 40)
    outcome = small.load(small.spec())
    assert (outcome.files, outcome.rows_inserted) == (5, 180)
    assert small.sql("SELECT COUNT(*), SUM(N) FROM {t}") == [(180, sum(range(180)))]


def test_a_table_that_is_missing_or_does_not_fit_is_told_before_the_tab_is_read(small: Bench) -> None:
    calls = len(small.sheets.calls())
    with pytest.raises(TargetMissingError, match="does not exist or not authorized"):
        small.load(small.spec(target={"table": "MARKETPLACE.SALES.NOPE"}))
    with pytest.raises(TargetMissingError):
        small.load(small.spec(target={"table": "MARKETPLACE.NOPE.T"}))
    with pytest.raises(SchemaDriftError, match=r"columns\.N: type text does not fit the table's NUMBER\(38,0\)"):
        small.load(small.spec({"CODE": "text", "N": "text"}))
    assert len(small.sheets.calls()) == calls


def test_a_refused_login_and_a_refused_statement_are_never_tried_again(
    small: Bench, snowflake: SnowflakeStandin, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SnowflakeLoadHook().table_session("load small") as session, pytest.raises(SourceError, match="load small: "):
        session.execute("SELECT NOPE FROM NOWHERE_AT_ALL WHERE")
    monkeypatch.setenv("AIRFLOW_CONN_SNOWFLAKE_DEFAULT", _connection(snowflake, password="wrong"))
    with pytest.raises(CredentialsError, match="correct the connection") as caught:
        small.load(small.spec())
    assert "wrong" not in str(caught.value)


def test_the_query_history_says_which_load_it_was(small: Bench, snowflake: SnowflakeStandin) -> None:
    import httpx

    small.write(["CODE", "N"], ["a", 1])
    small.load(small.spec())
    history = httpx.get(f"{snowflake.url}/history", trust_env=False).json()
    entries = history if isinstance(history, list) else next(iter(history.values()))
    assert any(entry["tag"] == "load small" and entry["sql"].startswith("MERGE") for entry in entries)


def _example(bench: Bench, name: str, *rows: Sequence[Any]) -> SheetLoadSpec:
    """A spec of the repository with this bench's workbook, and its table."""
    spec = next(spec for spec in load_loads(INCLUDE).values() if spec.load == name)
    bench.sql((INCLUDE / "sql" / "sheet_loads" / f"{name}.sql").read_text())
    bench.table = spec.target.table
    bench.sql("DELETE FROM {t}")
    bench.write([column.title for column in spec.columns], *rows)
    source = spec.source.model_copy(update={"spreadsheet_id": bench.workbook, "tab": "Data"})
    return spec.model_copy(update={"source": source})


def test_dealer_targets_as_city_managers_type_them(bench: Bench) -> None:
    rows = [["D00001", 46054, 12, 8_400_000.5, True, "festival month 🎉"], ["D00002", "2026-02-01", 3, "", False, ""]]
    spec = _example(bench, "dealer_targets", *rows, ["", "", "", "", False, ""])
    assert bench.load(spec).rows_inserted == 2
    assert bench.rows() == [
        ("D00001", dt.date(2026, 2, 1), 12, Decimal("8400000.50"), True, "festival month 🎉"),
        ("D00002", dt.date(2026, 2, 1), 3, None, False, None),
    ]


def test_one_wrong_price_override_leaves_all_of_yesterdays_in_place(bench: Bench) -> None:
    good = ["L00001", 450_000, 46053.5, 46060, "dent on the door", True]
    spec = _example(bench, "price_overrides", good)
    bench.load(spec)
    bench.write([column.title for column in spec.columns], good, ["L00002", "4.5 lakh", 46053.5, "", "", True])
    with pytest.raises(GuardError, match=r"B3 \(ASKING_PRICE\): the text '4.5 lakh' is not a decimal number"):
        bench.load(spec)
    ((code, price, start, *_),) = bench.rows()
    assert (code, price) == ("L00001", Decimal(450_000))
    assert start == dt.datetime(2026, 1, 31, 6, 30, tzinfo=dt.UTC)
