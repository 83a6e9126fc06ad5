"""Our errors as Airflow understands them: fatal ones end the task, the others leave it to its retries."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowFailException

from drivetrain.errors import FatalError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def told_to_airflow() -> Iterator[None]:
    """Turn a FatalError into the one exception that Airflow never retries."""
    try:
        yield
    except FatalError as error:
        raise AirflowFailException(str(error)) from None
