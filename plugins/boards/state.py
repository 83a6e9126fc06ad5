"""The state database as the boards see it: read with a limit of time, and a clear word where it is not there."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Annotated

import sqlalchemy as sa
from airflow.sdk.exceptions import AirflowNotFoundException
from fastapi import Depends
from psycopg import errors

from hooks.state import StateHook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Connection

_LIMITS = sa.text("SET TRANSACTION READ ONLY; SET LOCAL statement_timeout = '10s'")


class StateUnavailableError(Exception):
    """There is no state to show.

    Args:
        title: what is wrong.
        fix: what to do.
        detail: what the database said, one line.
    """

    def __init__(self, title: str, fix: str, detail: str = "") -> None:
        super().__init__(title)
        self.title, self.fix, self.detail = title, fix, detail


@cache
def state() -> StateHook:
    """One hook, and so one pool, for each process of the API server."""
    return StateHook()


StateDep = Annotated[StateHook, Depends(state)]


@contextmanager
def told_to_people() -> Iterator[None]:
    """Say what to do where the database fails us.

    Raises:
        StateUnavailableError: always instead of the database's error.
    """
    try:
        yield
    except AirflowNotFoundException as error:
        state.cache_clear()
        raise StateUnavailableError(
            "There is no connection to the state database.",
            f"Add the connection {StateHook.default_conn_name} (type postgres) to Airflow, then reload.",
            _line(error),
        ) from None
    except sa.exc.ProgrammingError as error:
        if not isinstance(error.orig, errors.UndefinedTable | errors.UndefinedColumn):
            raise
        raise StateUnavailableError(
            "The state database is older than this code.",
            "Run `drivetrain state migrate` once, with the API server's settings. It is safe at any time.",
            _line(error.orig),
        ) from None
    except (sa.exc.OperationalError, sa.exc.TimeoutError) as error:
        state.cache_clear()  # the connection may have been changed in Airflow meanwhile
        if isinstance(getattr(error, "orig", None), errors.QueryCanceled):
            title, fix = "The state database took too long.", "Reload in a moment, or narrow the search."
        else:
            title = "The state database does not answer."
            fix = (
                f"Check that Postgres runs and that Airflow's connection {StateHook.default_conn_name} points at it. "
                "Syncs wait meanwhile; none is lost."
            )
        raise StateUnavailableError(title, fix, _line(getattr(error, "orig", error))) from None


@contextmanager
def reading(hook: StateHook) -> Iterator[Connection]:
    """One look at the state: all queries see the same moment, and nothing is written.

    Raises:
        StateUnavailableError: it can't be read.
    """
    with told_to_people(), hook.engine.connect() as connection:
        connection = connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            connection.execute(_LIMITS)
            yield connection


def _line(error: object) -> str:
    return " ".join(str(error).split())[:300]
