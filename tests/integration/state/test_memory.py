"""What is remembered of syncs: the contract, over a real Postgres."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from drivetrain.errors import UnavailableError
from drivetrain.sheets.memory import Remembered
from drivetrain.state.memory import PostgresMemory

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from drivetrain.sheets.memory import SyncMemory

NOON = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def memory(engine: Engine) -> SyncMemory:
    return PostgresMemory(engine)


def remembered(sync: str = "aa", **changes: Any) -> Remembered:
    fields: dict[str, Any] = {
        "sync": sync,
        "spec_hash": "5ec",
        "source_version": "v1",
        "source_read_at": NOON,
        "result_digest": "d1",
        "tab_digest": "t1",
        "row_hashes": b"one",
        "rows": 3,
        "checked_at": NOON,
    }
    return Remembered(**fields | changes)


def test_what_is_saved_is_what_is_loaded_and_what_was_never_saved_is_left_out(memory: SyncMemory) -> None:
    assert memory.load(["aa"]) == {}
    assert memory.load([]) == {}
    both = [remembered(), remembered("bb", tab_digest="", row_hashes=b"")]
    for _ in range(2):
        memory.save(both)
        assert memory.load(["aa", "bb", "cc"]) == {"aa": both[0], "bb": both[1]}
    later = remembered(tab_digest="t2", row_hashes=b"two", rows=4)
    memory.save([later])
    assert memory.load(["aa"]) == {"aa": later}
    refreshed = replace(later, row_hashes=b"more")
    memory.save([refreshed])
    assert memory.load(["aa"]) == {"aa": refreshed}


def test_until_a_write_has_ended_nothing_can_be_skipped_and_both_kinds_of_rows_are_known(memory: SyncMemory) -> None:
    memory.save([remembered()])
    wanted = remembered(result_digest="d2", tab_digest="t2", row_hashes=b"two")
    for _ in range(2):
        memory.writing([wanted], {"aa": "t1"})
        found = memory.load(["aa"])["aa"]
        assert (found.result_digest, found.source_version) == ("", "")
        assert [found.rows_of(digest) for digest in ("t1", "t2", "t3", "")] == [b"one", b"two", None, None]
    memory.save([wanted])
    assert memory.load(["aa"]) == {"aa": wanted}


def test_of_several_writes_whose_end_nobody_saw_those_that_can_be_true_are_kept(memory: SyncMemory) -> None:
    memory.writing([remembered()], {"aa": ""})
    memory.writing([remembered(tab_digest="t2", row_hashes=b"two")], {"aa": "t1"})
    memory.writing([remembered(tab_digest="t3", row_hashes=b"three")], {"aa": "t1"})
    found = memory.load(["aa"])["aa"]
    assert [found.rows_of(digest) for digest in ("t1", "t2", "t3")] == [b"one", None, b"three"]
    memory.writing([remembered(tab_digest="t4", row_hashes=b"four")], {"aa": "t3"})
    found = memory.load(["aa"])["aa"]
    assert [found.rows_of(digest) for digest in ("t1", "t3", "t4")] == [None, b"three", b"four"]


def test_an_unchanged_source_moves_its_time_forward_and_never_back(memory: SyncMemory) -> None:
    memory.save([remembered(), remembered("bb")])
    memory.unchanged({"aa": NOON + HOUR, "nobody": NOON})
    memory.unchanged({"aa": NOON - HOUR, "bb": NOON - HOUR})
    memory.unchanged({})
    found = memory.load(["aa", "bb"])
    assert found == {"aa": remembered(source_read_at=NOON + HOUR), "bb": remembered("bb")}


def test_hashes_of_a_large_tab_come_back_byte_by_byte(memory: SyncMemory) -> None:
    large = remembered(row_hashes=bytes(range(256)) * 3_200)
    memory.save([large])
    assert memory.load(["aa"])["aa"].row_hashes == large.row_hashes


def test_a_database_that_is_away_is_no_mystery() -> None:
    away = PostgresMemory(sa.create_engine("postgresql+psycopg://x@127.0.0.1:9/x", connect_args={"connect_timeout": 2}))
    with pytest.raises(UnavailableError, match="the state database: "):
        away.load(["aa"])
    with pytest.raises(UnavailableError, match="the state database: "):
        away.save([remembered()])
