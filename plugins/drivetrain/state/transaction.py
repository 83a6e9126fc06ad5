"""One transaction on our database, with our errors."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import sqlalchemy as sa

from drivetrain.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Connection, Engine


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """Begin, and commit at the end.

    Raises:
        UnavailableError: the database can't be reached, ended the transaction or has no connection left. Nothing
            changed, unless the connection broke during the commit itself.
    """
    try:
        with engine.begin() as connection:
            yield connection
    except sa.exc.OperationalError as error:
        raise UnavailableError(f"the state database: {' '.join(str(error.orig).split())[:200]}") from None
    except sa.exc.TimeoutError as error:
        raise UnavailableError(f"the state database: {' '.join(str(error).split())[:200]}") from None
