"""Our errors as Airflow understands them: fatal ones end the task, the others leave it to its retries."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowFailException

from drivetrain.errors import DrivetrainError, FatalError, RetriableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@contextmanager
def told_to_airflow() -> Iterator[None]:
    """Turn a FatalError into the one exception that Airflow never retries."""
    try:
        yield
    except FatalError as error:
        raise AirflowFailException(str(error)) from None


def raise_all(errors: Mapping[str, DrivetrainError]) -> None:
    """Raise what several things failed with as one error, one line each; nothing failed: do nothing.

    Args:
        errors: by the name of the thing.

    Raises:
        FatalError: no retry can help any of them.
        RetriableError: a retry may help one of them at least.
    """
    if not errors:
        return
    named: dict[str, list[str]] = {}
    for name, error in errors.items():
        named.setdefault(str(error), []).append(name)
    lines = [
        message if all(name in message for name in names) else f"{', '.join(names)}: {message}"
        for message, names in named.items()
    ]
    if all(isinstance(error, FatalError) for error in errors.values()):
        raise FatalError("\n".join(lines))
    raise RetriableError("\n".join(lines))
