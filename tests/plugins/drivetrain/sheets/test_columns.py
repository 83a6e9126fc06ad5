from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from drivetrain.errors import SchemaDriftError
from drivetrain.sheets.columns import HeaderDecision, decide_header, header_of, layout_of, resolve_columns
from drivetrain.sheets.observe import Marker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from drivetrain.sheets.spec import SheetSyncSpec

    Make = Callable[..., SheetSyncSpec]

SOURCE = pa.schema({"ID": pa.int64(), "NAME": pa.string(), "N": pa.int64()})


def refused(spec: SheetSyncSpec, source: pa.Schema) -> str:
    with pytest.raises(SchemaDriftError) as caught:
        resolve_columns(spec, source)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_columns_that_the_query_gives_are_taken_in_the_spec_s_order(make_spec: Make) -> None:
    spec = make_spec({"N": "integer", "ID": "integer", "NAME": "text"})
    assert resolve_columns(spec, SOURCE) == spec.columns


def test_a_query_that_gives_a_name_twice_is_refused(make_spec: Make) -> None:
    twice = pa.schema([("ID", pa.int64()), ("NAME", pa.string()), ("N", pa.int64()), ("ID", pa.int64())])
    assert refused(make_spec(), twice) == "sync stock_daily: the query gives ID twice, give each its own alias"


def test_every_missing_column_is_named_with_what_the_query_gives(make_spec: Make) -> None:
    message = refused(make_spec({"Id": "integer", "PRICE": "integer", "NAME": "text"}), SOURCE)
    assert "sync stock_daily: columns:" in message
    assert "does not give Id (is it ID?), PRICE; it gives ID, NAME, N" in message
    assert "correct the spec's columns or the query" in message


def test_every_wrong_type_is_named_with_the_right_one(make_spec: Make) -> None:
    message = refused(make_spec({"ID": "text", "NAME": "date", "N": "float"}), SOURCE)
    assert "columns.NAME: type date: the source gives string, declare type: text" in message
    assert "columns.N: type float: the source gives int64, declare type: integer" in message
    assert "columns.ID" not in message


def test_a_new_source_column_fails_is_added_or_is_ignored(make_spec: Make) -> None:
    wide = SOURCE.append(pa.field("PRICE", pa.decimal128(10, 2))).append(pa.field("AT", pa.timestamp("ns", tz="UTC")))
    message = refused(make_spec(), wide)
    assert "sync stock_daily: the query gives PRICE, AT, which columns does not list" in message
    assert "drift: add" in message
    assert "drift: ignore" in message
    ignoring, adding = make_spec(drift="ignore"), make_spec(drift="add")
    assert resolve_columns(ignoring, wide) == ignoring.columns
    added = resolve_columns(adding, wide)
    assert added[:3] == adding.columns
    assert [(c.name, c.type.value) for c in added[3:]] == [("PRICE", "decimal"), ("AT", "timestamp_tz")]


def decide(
    spec: SheetSyncSpec,
    found: Sequence[Any],
    *,
    wrote: Sequence[str] | None = None,
    names: Sequence[str] = ("ID", "NAME", "N"),
    rows: bool = True,
    occupied: Sequence[bool] = (),
) -> HeaderDecision:
    """Decide for a tab with the header `found`, where the sync last wrote the header `wrote` for columns `names`."""
    marker = None
    if wrote is not None:
        layout = layout_of(make_columns(spec, names))
        marker = Marker(gid=1, header=header_of(wrote), layout=layout, width=len(wrote))
    width = max(len(spec.columns), len(found))
    padded = [*found, *[None] * (width - len(found))]
    return decide_header(spec, spec.columns, padded, marker, tab_has_rows=rows, occupied=lambda: occupied)


def make_columns(spec: SheetSyncSpec, names: Sequence[str]) -> list[Any]:
    return [spec.columns[0].model_copy(update={"name": name}) for name in names]


def denied(*args: Any, **kwargs: Any) -> str:
    with pytest.raises(SchemaDriftError) as caught:
        decide(*args, **kwargs)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith("sync stock_daily: ")
    return message


def test_an_empty_tab_gets_the_header_and_formats(make_spec: Make) -> None:
    assert decide(make_spec(), [], rows=False) == HeaderDecision(("ID", "NAME", "N"), 3, format_all=True)


def test_the_spec_s_header_texts_are_what_is_written(make_spec: Make) -> None:
    spec = make_spec({"ID": {"type": "integer", "header": "Car"}, "NAME": "text"})
    assert decide(spec, [], rows=False).write == ("Car", "NAME")


def test_values_without_a_header_are_not_the_sync_s(make_spec: Make) -> None:
    message = denied(make_spec(anchor="B3"), [None, ""])
    assert "tab 'Stock' has values below B3 and no header" in message
    assert "choose an empty tab or another anchor" in message


def test_a_header_that_a_person_cleared_is_written_again(make_spec: Make) -> None:
    decision = decide(make_spec(), [None, None, None], wrote=["ID", "NAME", "N"])
    assert decision == HeaderDecision(("ID", "NAME", "N"), 3, format_all=False)


@pytest.mark.parametrize("wrote", [None, ["ID", "NAME", "N"], ["X"]])
def test_a_header_as_the_spec_says_is_left_alone(make_spec: Make, wrote: list[str] | None) -> None:
    assert decide(make_spec(), ["ID", "NAME", "N"], wrote=wrote) == HeaderDecision(None, 3, format_all=False)


@pytest.mark.parametrize("mode", [{"mode": "replace"}, {"mode": "upsert", "keys": ["ID"]}, {"mode": "append"}])
def test_a_header_that_the_spec_renames_is_written(make_spec: Make, mode: dict[str, Any]) -> None:
    spec = make_spec({"ID": "integer", "NAME": {"type": "text", "header": "Model"}, "N": "integer"}, **mode)
    decision = decide(spec, ["ID", "NAME", "N"], wrote=["ID", "NAME", "N"])
    assert decision == HeaderDecision(("ID", "Model", "N"), 3, format_all=False)


@pytest.mark.parametrize("mode", [{"mode": "replace"}, {"mode": "mirror", "keys": ["ID"]}, {"mode": "append"}])
@pytest.mark.parametrize("wrote", [None, ["ID", "NAME", "N"]])
def test_a_header_that_a_person_renamed_stops_the_sync(
    make_spec: Make, mode: dict[str, Any], wrote: list[str] | None
) -> None:
    message = denied(make_spec(anchor="C5", **mode), ["ID", "Modell", "N"], wrote=wrote)
    assert "header D5 of tab 'Stock' says 'Modell', the spec says 'NAME'" in message
    assert "rename it back in the tab, or change the spec's header" in message


def test_replace_with_drift_ignore_lets_a_person_s_header_be(make_spec: Make) -> None:
    decision = decide(make_spec(drift="ignore"), ["ID", "Modell", "N"], wrote=["ID", "NAME", "N"])
    assert decision == HeaderDecision(None, 3, format_all=False)
    denied(make_spec(drift="ignore"), ["ID", "Modell", "N"])  # but not where it never wrote
    denied(make_spec(drift="ignore", mode="upsert", keys=["ID"]), ["ID", "Modell", "N"], wrote=["ID", "NAME", "N"])


KEYED = {"mode": "upsert", "keys": ["ID"]}


def test_a_new_column_is_added_where_the_drift_policy_says_so(make_spec: Make) -> None:
    wrote: dict[str, Any] = {"wrote": ["ID", "NAME"], "names": ["ID", "NAME"]}
    free = [True, True, False]
    added = HeaderDecision(("ID", "NAME", "N"), 3, format_all=True)
    assert decide(make_spec(drift="add", **KEYED), ["ID", "NAME"], occupied=free, **wrote) == added
    ignored = decide(make_spec(drift="ignore", **KEYED), ["ID", "NAME"], **wrote)
    assert ignored == HeaderDecision(None, 2, format_all=False)
    message = denied(make_spec(**KEYED), ["ID", "NAME"], **wrote)
    assert "tab 'Stock' lacks the columns N: set drift: add (write them) or drift: ignore" in message


def test_replace_writes_a_column_that_the_spec_lists_without_asking(make_spec: Make) -> None:
    decision = decide(make_spec(), ["ID", "NAME"], wrote=["ID", "NAME"], names=["ID", "NAME"], occupied=[True, True, 0])
    assert decision == HeaderDecision(("ID", "NAME", "N"), 3, format_all=True)


@pytest.mark.parametrize("mode", [{"mode": "replace"}, {"drift": "add", **KEYED}])
def test_a_new_column_never_overwrites_a_person_s_values(make_spec: Make, mode: dict[str, Any]) -> None:
    spec = make_spec(anchor="B2", **mode)
    message = denied(spec, ["ID", "NAME"], wrote=["ID", "NAME"], names=["ID", "NAME"], occupied=[True, True, True])
    assert "the new column 'N' would overwrite values below D2 of tab 'Stock': move them to the right" in message


def test_replace_does_not_widen_over_a_person_s_column(make_spec: Make) -> None:
    wrote: dict[str, Any] = {"wrote": ["ID", "NAME"], "names": ["ID", "NAME"]}
    for found, occupied in ((["ID", "NAME", "Note"], [True] * 3), (["ID", "NAME", "Note"], [True, True, False])):
        message = denied(make_spec(), found, occupied=occupied, **wrote)
        assert "the new column 'N' would overwrite values below C1 of tab 'Stock'" in message
    other = make_spec({"X": "integer", "NAME": "text", "N": "integer"})
    assert "'N' would overwrite" in denied(other, ["ID", "NAME"], occupied=[True, True, True], **wrote)
    free = decide(other, ["ID", "NAME"], occupied=[True, True, False], **wrote)
    assert free == HeaderDecision(("X", "NAME", "N"), 3, format_all=True)


def test_replace_may_take_back_what_it_wrote_beyond_the_spec_s_columns(make_spec: Make) -> None:
    spec = make_spec({"ID": "integer", "NAME": "text"})
    decision = decide(spec, ["ID", None, None], wrote=["ID", "NAME", "N"], occupied=[True, False, True])
    assert decision == HeaderDecision(("ID", "NAME"), 2, format_all=True)


def test_rows_without_their_header_are_not_mixed_with_other_columns(make_spec: Make) -> None:
    cleared, wrote = [None, None, None], ["ID", "NAME", "N"]
    other = {"ID": "integer", "N": "integer", "NAME": "text"}
    message = denied(make_spec(other, mode="upsert", keys=["ID"]), cleared, wrote=wrote)
    assert "tab 'Stock' has lost its header in A1" in message
    assert "write the old header there again, or choose a new tab" in message
    decision = decide(make_spec(mode="upsert", keys=["ID"]), cleared, wrote=wrote)
    assert decision == HeaderDecision(("ID", "NAME", "N"), 3, format_all=False)
    assert decide(make_spec(other), cleared, wrote=wrote).write == ("ID", "N", "NAME")


def test_drift_ignore_does_not_write_other_columns_below_a_person_s_header(make_spec: Make) -> None:
    spec = make_spec({"X": "integer", "Y": "text", "N": "integer"}, drift="ignore")
    assert "says 'Modell'" in denied(spec, ["Modell", "NAME", "N"], wrote=["ID", "NAME", "N"])


def test_replace_writes_other_columns_over_its_own(make_spec: Make) -> None:
    spec = make_spec({"ID": "integer", "N": "integer"})
    decision = decide(spec, ["ID", "NAME", "N"], wrote=["ID", "NAME", "N"], occupied=[True, True, True])
    assert decision == HeaderDecision(("ID", "N"), 2, format_all=True)


@pytest.mark.parametrize(
    ("mode", "keys"), [("upsert", ["ID"]), ("mirror", ["ID"]), ("append", [])], ids=["upsert", "mirror", "append"]
)
def test_other_modes_can_not_carry_a_new_order_over(make_spec: Make, mode: str, keys: list[str]) -> None:
    spec = make_spec({"ID": "integer", "N": "integer", "NAME": "text"}, mode=mode, keys=keys)
    message = denied(spec, ["ID", "NAME", "N"], wrote=["ID", "NAME", "N"])
    assert "the order of columns changed (B1 of tab 'Stock': 'NAME' was written, the spec says 'N')" in message
    assert f"mode {mode} can't carry over: add columns at the end, or choose a new tab" in message


def test_a_foreign_header_is_not_taken_over(make_spec: Make) -> None:
    message = denied(make_spec(), ["Budget", None, 2026])
    assert "header A1 of tab 'Stock' says 'Budget', the spec says 'ID'" in message


def test_a_gap_in_the_header_is_no_new_column(make_spec: Make) -> None:
    message = denied(make_spec(drift="add"), ["ID", None, "N"], occupied=[False] * 3)
    assert "header B1 of tab 'Stock' says '', the spec says 'NAME'" in message


def test_a_header_that_is_wider_than_the_spec_s_names_the_first_cell_too_many(make_spec: Make) -> None:
    message = denied(make_spec({"ID": "integer"}), ["ID", "Note"])
    assert "header B1 of tab 'Stock' says 'Note', the spec says ''" in message


def test_a_number_in_the_header_is_compared_as_its_text(make_spec: Make) -> None:
    spec = make_spec({"ID": "integer", "2026": "integer"})
    assert decide(spec, ["ID", 2026]) == HeaderDecision(None, 2, format_all=False)


def test_fingerprints_tell_names_and_orders_apart(make_spec: Make) -> None:
    spec = make_spec()
    orders = [["ID", "NAME"], ["NAME", "ID"], ["IDNAME"], ["ID"], ["ID", "NAME", "N"]]
    assert len({layout_of(make_columns(spec, names)) for names in orders}) == len(orders)
    assert header_of(["ID", None, 5]) == header_of(["ID", "", "5"])
    assert header_of(["ID", None]) != header_of(["ID"])
