"""What a run was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drivetrain.errors import FatalError

if TYPE_CHECKING:
    from collections.abc import Collection

    from airflow.sdk import Context


def refuse_unknown(context: Context, known: Collection[str]) -> None:
    """Airflow takes any key in a run's conf; a misspelled dry_run would not be one.

    Raises:
        FatalError: the conf has a key that the DAG does not know.
    """
    if unknown := sorted(set(context["dag_run"].conf or {}) - set(known)):
        raise FatalError(f"conf: unknown key {', '.join(unknown)}; known: {', '.join(sorted(known))}")
