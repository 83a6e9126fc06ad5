"""Without the state database the page says what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from airflow.sdk.exceptions import AirflowNotFoundException

from hooks.state import StateHook
from tests.support.postgres import database_url, running_postgres

if TYPE_CHECKING:
    from pathlib import Path

    from tests.boards.conftest import Board


def use(board: Board, engine: Any) -> None:
    board.state = StateHook()
    board.state.__dict__["engine"] = engine


@pytest.mark.parametrize("path", ["/sheets", "/sheets/leads"])
def test_a_database_that_is_gone_is_named_and_no_password_is_shown(board: Board, path: str) -> None:
    url = "postgresql+psycopg://drivetrain:hunter2@127.0.0.1:1/drivetrain"
    use(board, sa.create_engine(url, connect_args={"connect_timeout": 2}))
    page = board.get(path)
    assert page.status_code == 503
    assert "The state database does not answer" in page.text
    assert "drivetrain_state" in page.text
    assert "hunter2" not in page.text


def test_a_database_without_our_tables_names_the_command(board: Board, tmp_path: Path) -> None:
    with running_postgres(tmp_path) as connection:
        use(board, sa.create_engine(database_url(connection)))
        page = board.get("/sheets")
    assert page.status_code == 503
    assert "drivetrain state migrate" in page.text


def test_a_missing_connection_is_named(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: str) -> Any:
        raise AirflowNotFoundException("The conn_id `drivetrain_state` isn't defined")

    board.state = StateHook()
    monkeypatch.setattr(StateHook, "get_connection", staticmethod(missing))
    page = board.get("/sheets")
    assert page.status_code == 503
    assert "Add the connection drivetrain_state" in page.text


def test_a_query_that_takes_too_long_ends_and_says_so(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    from boards.sheets import queries

    def slow(connection: sa.Connection) -> list[str]:
        connection.execute(sa.text("SET LOCAL statement_timeout = '50ms'"))
        return list(connection.execute(sa.text("SELECT pg_sleep(5)::text")).scalars())

    monkeypatch.setattr(queries, "teams", slow)
    page = board.get("/sheets")
    assert page.status_code == 503
    assert "took too long" in page.text


def test_a_look_can_write_nothing(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    from boards.sheets import queries

    monkeypatch.setattr(queries, "teams", lambda connection: connection.execute(sa.text("DELETE FROM sheet_syncs")))
    with pytest.raises(sa.exc.InternalError, match="read-only transaction"):
        board.get("/sheets")
