"""Large results stream: chunks are fetched one by one, and only as far as the reader goes."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest
from snowflake.connector.errors import ProgrammingError

from standins.snowflake.testing import SnowflakeStandin

_WIDE = "SELECT SEQ4() AS N, " + ", ".join(f"'text ' || SEQ4() AS C{i}" for i in range(19))
_QUERY = f"{_WIDE} FROM TABLE(GENERATOR(ROWCOUNT => 50000)) ORDER BY N"


def _chunks_downloaded(standin: SnowflakeStandin, query_id: str) -> int:
    with urllib.request.urlopen(f"{standin.url}/history", timeout=10) as response:
        return next(entry["chunks"] for entry in json.load(response) if entry["id"] == query_id)


def test_fifty_thousand_rows_come_in_many_batches_and_in_order(connection: Any) -> None:
    batches = list(connection.cursor().execute(_QUERY).fetch_arrow_batches())
    assert [batch.num_rows for batch in batches] == [1000] + [5000] * 9 + [4000]
    assert [value for batch in batches for value in batch["N"].to_pylist()] == list(range(50_000))
    assert batches[-1]["C18"][-1].as_py() == "text 49999"


def test_rows_and_arrow_agree(connection: Any) -> None:
    cursor = connection.cursor()
    rows = cursor.execute(_QUERY).fetchall()
    assert len(rows) == 50_000
    assert rows[1000][0] == 1000


def test_a_reader_that_stops_early_leaves_the_other_chunks_on_the_server(standin: SnowflakeStandin) -> None:
    connection = standin.connect(client_prefetch_threads=1)
    cursor = connection.cursor().execute(_QUERY)
    batches = cursor.fetch_arrow_batches()
    next(batches)
    next(batches)
    assert 1 <= _chunks_downloaded(standin, cursor.sfqid) < 10
    connection.close()


def test_a_chunk_without_its_signature_is_refused(standin: SnowflakeStandin, connection: Any) -> None:
    cursor = connection.cursor().execute(_QUERY)
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"{standin.url}/results/{cursor.sfqid}/0", timeout=10)


def test_an_empty_result_still_has_its_columns(connection: Any) -> None:
    cursor = connection.cursor().execute("SELECT 1 AS A, 'x' AS B WHERE FALSE")
    assert cursor.fetchall() == []
    assert [column.name for column in cursor.description] == ["A", "B"]


def test_a_finished_result_can_be_read_again_by_its_id(connection: Any) -> None:
    query_id = connection.cursor().execute("SELECT 42 AS A").sfqid
    cursor = connection.cursor()
    cursor.get_results_from_sfqid(query_id)
    assert cursor.fetchall() == [(42,)]


def test_a_result_is_there_by_its_id_for_the_user_s_other_sessions_too(
    standin: SnowflakeStandin, connection: Any
) -> None:
    first = connection.cursor().execute(_QUERY)
    other = standin.connect()
    cursor = other.cursor().query_result(first.sfqid)
    assert (cursor.sfqid, cursor.rowcount) == (first.sfqid, 50_000)
    batches = list(cursor.fetch_arrow_batches())
    assert [value for batch in batches for value in batch["N"].to_pylist()] == list(range(50_000))
    cursor = other.cursor()
    cursor.get_results_from_sfqid(connection.cursor().execute("SELECT 42 AS A").sfqid)
    assert cursor.fetchall() == [(42,)]
    other.close()


def test_a_result_that_is_not_there_is_an_sql_error(connection: Any) -> None:
    with pytest.raises(ProgrammingError, match="not found") as caught:
        connection.cursor().query_result("01b71944-0001-b181-0000-0129032279f6")
    assert caught.value.errno == 709
