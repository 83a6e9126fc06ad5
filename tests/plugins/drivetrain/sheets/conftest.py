from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from drivetrain.sheets.spec import SheetSyncSpec
from drivetrain.sheets.spool import RowSpool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence


@pytest.fixture(scope="session")
def make_spec() -> Callable[..., SheetSyncSpec]:
    """A valid spec of columns {name: type}, with what the test changes."""

    def make(columns: Mapping[str, str | dict[str, Any]] | None = None, **changes: Any) -> SheetSyncSpec:
        target = {"spreadsheet_id": "a" * 30, "tab": changes.pop("tab", "Stock"), "anchor": changes.pop("anchor", "A1")}
        columns = columns or {"ID": "integer", "NAME": "text", "N": "integer"}
        return SheetSyncSpec.model_validate(
            {
                "sync": "stock_daily",
                "description": "Cars in stock.",
                "team": "bi_ops",
                "owner": "bi@example.com",
                "source": {"query": "select 1"},
                "target": target,
                "mode": "replace",
                "columns": [
                    {"name": name, **({"type": kind} if isinstance(kind, str) else kind)}
                    for name, kind in columns.items()
                ],
                **changes,
            }
        )

    return make


@pytest.fixture(scope="session")
def make_spool() -> Iterator[Callable[..., RowSpool]]:
    """A spool of the given rows; all are closed at the end."""
    spools: list[RowSpool] = []

    def make(rows: Sequence[Sequence[Any]], width: int | None = None) -> RowSpool:
        spool = RowSpool(width if width is not None else len(rows[0]))
        spool.extend_from_api(rows)
        spools.append(spool)
        return spool

    yield make
    for spool in spools:
        spool.close()
