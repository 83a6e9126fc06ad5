from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from drivetrain.errors import SpecError
from drivetrain.sheets.spec import FromRun, Mode, SheetSyncSpec
from drivetrain.specs import load_spec, load_specs

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """\
sync: stock_daily
description: Cars in stock.
team: bi_ops
owner: bi@example.com
source: {query: select 1}
target: {spreadsheet_id: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, tab: Stock}
mode: replace
columns:
  - {name: ID, type: integer}
"""

SCHEDULED = GOOD + "schedule: {cron: '30 6 * * *', timezone: Asia/Kolkata}\n"


def load(folder: Path, text: str) -> SheetSyncSpec:
    path = folder / "stock_daily.yaml"
    path.write_text(text, encoding="utf-8")
    return load_spec(path, SheetSyncSpec)


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(SpecError) as caught:
        load(folder, text)
    message = str(caught.value)
    assert message.startswith(str(folder / "stock_daily.yaml"))
    assert "\n" not in message
    return message.removeprefix(str(folder / "stock_daily.yaml"))


def test_a_good_spec_is_read_with_its_defaults(tmp_path: Path) -> None:
    spec = load(tmp_path, GOOD)
    assert (spec.sync, spec.mode, spec.target.anchor, spec.keys) == ("stock_daily", Mode.REPLACE, "A1", ())
    assert (spec.guards.max_delete_share, spec.guards.allow_empty, spec.schedule) == (0.5, False, None)
    assert [column.title for column in spec.columns] == ["ID"]


# (what in GOOD, by what, what the message says)
WRONG: dict[str, tuple[str, str, list[str]]] = {
    "unknown key at the top": (
        "mode:",
        "tags: [x]\nmode:",
        [": tags: unknown key; known here: attempts, catch_up, check_every, columns, description,"],
    ),
    "unknown nested key": ("tab: Stock", "tab: Stock, sheet: X", [": target.sheet: unknown key; known here: anchor,"]),
    "unknown key of a column": (
        "type: integer",
        "type: integer, width: 3",
        [": columns.0.width: unknown key", "scale"],
    ),
    "unknown key of guards": (
        "mode:",
        "guards: {max: 1}\nmode:",
        [": guards.max: unknown key; known here: allow_empty"],
    ),
    "missing key": ("team: bi_ops\n", "", [": team: missing, add it"]),
    "missing nested key": (", tab: Stock", "", [": target.tab: missing, add it"]),
    "two problems": ("team: bi_ops\nowner: bi@example.com\n", "", ["team: missing, add it; owner: missing, add it"]),
    "text for a list": ("mode:", "keys: ID\nmode:", [": keys: ", "(given: 'ID')"]),
    "number for text": ("tab: Stock", "tab: 5", [": target.tab: Input should be a valid string (given: 5)"]),
    "list for text": ("description: Cars in stock.", "description: [a]", [": description: "]),
    "text for a part": ("mode:", "schedule: daily\nmode:", [": schedule: ", "(given: 'daily')"]),
    "bad mode": (
        "mode: replace",
        "mode: replac",
        [": mode: ", "'replace', 'append', 'upsert' or 'mirror'", "'replac'"],
    ),
    "bad drift": ("mode:", "drift: allow\nmode:", [": drift: ", "'fail', 'add' or 'ignore'"]),
    "bad type": ("type: integer", "type: int", [": columns.0.type: ", "'decimal'", "(given: 'int')"]),
    "upsert without keys": ("mode: replace", "mode: upsert", ["keys: mode upsert needs at least one key column"]),
    "mirror without keys": ("mode: replace", "mode: mirror", ["keys: mode mirror needs at least one key column"]),
    "replace that keeps edits": ("mode:", "edits: keep\nmode:", ["edits: keep needs rows with keys: choose mode"]),
    "bad edits": ("mode:", "edits: ask\nmode:", [": edits: ", "'overwrite', 'keep' or 'report'"]),
    "replace with keys": ("mode:", "keys: [ID]\nmode:", ["keys: mode replace has no use for keys, remove them"]),
    "unknown key column": ("mode: replace", "mode: upsert\nkeys: [ID, X]", ["keys: X is not among the columns"]),
    "no columns": ("  - {name: ID, type: integer}", "  []", [": columns: ", "at least 1 item"]),
    "column twice": (
        "  - {name: ID, type: integer}",
        "  - {name: ID, type: integer}\n  - {name: ID, type: text}",
        ["columns: ID appears twice"],
    ),
    "header twice": (
        "  - {name: ID, type: integer}",
        "  - {name: ID, type: integer}\n  - {name: X, type: text, header: ID}",
        ["columns: the header ID appears twice"],
    ),
    "scale of an integer": ("type: integer", "type: integer, scale: 2", [": columns.0: scale belongs to type decimal"]),
    "zone of a timestamp": (
        "type: integer",
        "type: timestamp, timezone: UTC",
        ["timezone belongs to type timestamp_tz"],
    ),
    "scale too large": ("type: integer", "type: decimal, scale: 38", [": columns.0.scale: ", "(given: 38)"]),
    "sql and query": ("query: select 1", "query: select 1, sql: a.sql", [": source: give exactly one of sql"]),
    "neither sql nor query": ("query: select 1", "connection: x", [": source: give exactly one of sql"]),
    "empty query": ("query: select 1", "query: '  '", [": source.query: ", "at least 1 character"]),
    "sql above its folder": ("query: select 1", "sql: a/../../b.sql", [": source: sql must stay below include/sql"]),
    "sql from the root": ("query: select 1", "sql: /etc/b.sql", [": source: sql must stay below include/sql"]),
    "sql of another kind": ("query: select 1", "sql: a.txt", [": source.sql: ", "(given: 'a.txt')"]),
    "parameter of another kind": (
        "query: select 1",
        "query: select 1, parameters: {day: 2026-01-31}",
        [": source.parameters.day: write a text, a number, true, false or null, or one of {from: interval_start}"],
    ),
    "parameter from nowhere": (
        "query: select 1",
        "query: select 1, parameters: {day: {from: today}}",
        [": source.parameters.day: ", "{from: run_date}"],
    ),
    "short spreadsheet id": ("a" * 30, "short", [": target.spreadsheet_id: ", "(given: 'short')"]),
    "address as spreadsheet id": ("a" * 30, "https://docs.google.com/x", [": target.spreadsheet_id: "]),
    "empty tab": ("tab: Stock", "tab: ' '", [": target.tab: ", "at least 1 character"]),
    "bad anchor": (
        "tab: Stock",
        "tab: Stock, anchor: 1A",
        [": target.anchor: '1A' is not a cell, write it as A1 or B3"],
    ),
    "anchor too far right": (
        "tab: Stock}\nmode: replace\ncolumns:\n",
        "tab: Stock, anchor: ZZZ1}\nmode: replace\ncolumns:\n  - {name: B, type: text}\n",
        ["target.anchor: a tab has at most 18278 columns"],
    ),
    "bad sync": ("sync: stock_daily", "sync: Stock-Daily", [": sync: ", "(given: 'Stock-Daily')"]),
    "bad team": ("team: bi_ops", "team: BI", [": team: ", "(given: 'BI')"]),
    "bad owner": ("bi@example.com", "bi", [": owner: ", "(given: 'bi')"]),
    "bad duration": ("mode:", "freshness: 3w\nmode:", [": freshness: write a duration as 30m, 6h or 2d (given: '3w')"]),
    "four cron fields": ("mode:", "schedule: {cron: '0 6 * *'}\nmode:", [": schedule.cron: ", "has five fields"]),
    "six cron fields": ("mode:", "schedule: {cron: '0 0 6 * * *'}\nmode:", [": schedule.cron: ", "has five fields"]),
    "cron out of range": (
        "mode:",
        "schedule: {cron: '99 6 * * *'}\nmode:",
        [": schedule.cron: not a cron expression", "write it as 30 6 * * 1-5 (given: '99 6 * * *')"],
    ),
    "cron of words": ("mode:", "schedule: {cron: a b c d e}\nmode:", [": schedule.cron: not a cron expression"]),
    "cron that never comes": (
        "mode:",
        "schedule: {cron: 0 0 31 2 *}\nmode:",
        [": schedule.cron: ", "no date that ever"],
    ),
    "bad zone": (
        "mode:",
        "schedule: {cron: 0 6 * * *, timezone: IST}\nmode:",
        [": schedule.timezone: not an IANA time zone, write it as Asia/Kolkata or UTC (given: 'IST')"],
    ),
    "bad column zone": ("type: integer", "type: timestamp_tz, timezone: Mars", [": columns.0.timezone: not an IANA"]),
    "share above one": (
        "mode:",
        "guards: {max_delete_share: 50}\nmode:",
        [": guards.max_delete_share: ", "(given: 50)"],
    ),
    "row limit of zero": ("mode:", "guards: {row_limit: 0}\nmode:", [": guards.row_limit: ", "(given: 0)"]),
    "key twice": ("mode:", "team: other\nmode:", [":7: not valid YAML: key 'team' appears twice"]),
    "nested key twice": ("tab: Stock", "tab: Stock, tab: Other", [":6: not valid YAML: key 'tab' appears twice"]),
    "open bracket": ("query: select 1}", "query: select 1", ["not valid YAML: while parsing a flow mapping"]),
    "tab for spaces": ("  - {name", "\t- {name", [":9: not valid YAML: "]),
    "template for a value": (
        "tab: Stock",
        "tab: {{ tab }}",
        [":6: not valid YAML: a key must be plain text", "in quotes"],
    ),
    "two documents": ("mode:", "---\nmode:", [": not valid YAML: expected a single document"]),
    "a date that is none": ("Cars in stock.", "2026-02-30", [": not valid YAML: day "]),
    "a python object": ("Cars in stock.", "!!python/object:os.system {}", [":2: not valid YAML: could not determine"]),
    "a control character": ("Cars in stock.", "a\x01b", [": not valid YAML: unacceptable character"]),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_spec_gives_one_line_with_file_key_and_fix(tmp_path: Path, name: str) -> None:
    old, new, says = WRONG[name]
    assert GOOD.count(old) == 1
    message = refusal(tmp_path, GOOD.replace(old, new))
    for part in says:
        assert part in message


@pytest.mark.parametrize("name", ["bad type", "unknown key of a column", "scale of an integer"])
def test_one_wrong_column_is_one_problem(tmp_path: Path, name: str) -> None:
    old, new, _ = WRONG[name]
    assert "; columns:" not in refusal(tmp_path, GOOD.replace(old, new))


@pytest.mark.parametrize(("text", "kind"), [("", "NoneType"), ("- a\n", "list"), ("just text\n", "str")])
def test_a_file_without_keys_is_refused(tmp_path: Path, text: str, kind: str) -> None:
    assert refusal(tmp_path, text) == f": expected keys and values at the top, found {kind}"


def test_a_file_that_can_not_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"none\.yaml: cannot be read: No such file or directory"):
        load_spec(tmp_path / "none.yaml", SheetSyncSpec)
    path = tmp_path / "latin.yaml"
    path.write_bytes(GOOD.replace("Cars", "Büros").encode("latin-1"))
    with pytest.raises(SpecError, match=r"latin\.yaml: not valid YAML: 'utf-8' codec"):
        load_spec(path, SheetSyncSpec)


def test_a_long_wrong_value_is_cut(tmp_path: Path) -> None:
    assert len(refusal(tmp_path, GOOD.replace("mode: replace", "mode: " + "x" * 1_000))) < 300


def test_merged_yaml_keys_may_be_overridden(tmp_path: Path) -> None:
    text = SCHEDULED.replace("schedule: {", "schedule:\n  <<: {timezone: UTC}\n  ").replace("'}", "'")
    text = text.replace("', timezone: Asia/Kolkata}", "'\n  timezone: Asia/Kolkata")
    spec = load(tmp_path, text)
    assert spec.schedule is not None
    assert spec.schedule.timezone == "Asia/Kolkata"


def test_parameters_keep_their_types(tmp_path: Path) -> None:
    query = "query: select 1, parameters: {a: text, b: 5, c: 0.5, d: true, e: null, f: {from: run_date}, g: '5'}"
    parameters = load(tmp_path, GOOD.replace("query: select 1", query)).source.parameters
    run_date = FromRun.model_validate({"from": "run_date"})
    expected = {"a": "text", "b": 5, "c": 0.5, "d": True, "e": None, "f": run_date, "g": "5"}
    assert parameters == expected
    assert [type(v) for v in parameters.values()] == [type(v) for v in expected.values()]


def test_an_anchor_and_a_cron_have_one_spelling(tmp_path: Path) -> None:
    text = SCHEDULED.replace("tab: Stock", "tab: Stock, anchor: b3").replace("30 6 * * *", " 30  6 * * * ")
    spec = load(tmp_path, text)
    assert spec.target.anchor == "B3"
    assert spec.schedule is not None
    assert spec.schedule.cron == "30 6 * * *"


@pytest.mark.parametrize(("text", "hours"), [("30m", 0.5), ("6h", 6), ("2d", 48)])
def test_a_freshness_is_a_time_span(tmp_path: Path, text: str, hours: float) -> None:
    spec = load(tmp_path, GOOD + f"freshness: {text}\n")
    assert spec.freshness_objective.total_seconds() == hours * 3_600


def test_a_spec_does_not_change_once_it_is_read(tmp_path: Path) -> None:
    spec = load(tmp_path, GOOD)
    with pytest.raises(ValueError, match="frozen"):
        spec.mode = Mode.MIRROR  # type: ignore[misc]


def test_files_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("c", "a", "b"):
        (tmp_path / f"{name}.yaml").write_text(GOOD)
    (tmp_path / "notes.txt").write_text("no spec")
    specs = load_specs(tmp_path, SheetSyncSpec)
    assert [path.name for path in specs] == ["a.yaml", "b.yaml", "c.yaml"]


def test_one_wrong_file_stops_the_reading(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yaml").write_text(GOOD.replace("team: bi_ops\n", ""))
    with pytest.raises(SpecError, match=r"b\.yaml: team: missing, add it"):
        load_specs(tmp_path, SheetSyncSpec)
