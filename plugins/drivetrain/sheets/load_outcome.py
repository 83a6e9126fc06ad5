"""What a load did or would do, for XCom, the log and people."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from drivetrain.sheets.rejects import Reject


@dataclass(frozen=True)
class LoadOutcome:
    """What a run did, or with dry_run what it would do.

    Attributes:
        outcome: "planned", "unchanged" (the table already said so), or "written".
        rows_read: the tab's rows, blank ones left out.
        rows_rejected: rows set aside; `rejects` holds their cells.
        rows_deleted: mode replace: rows that are gone for good; a changed row counts as one inserted, one deleted.
        files: Parquet files that were staged.
        preview: the first rows as they are loaded, a dry run's only.
    """

    load: str
    mode: str
    outcome: str
    spreadsheet_id: str
    workbook: str
    tab: str
    gid: int
    table: str
    rows_read: int
    rows_inserted: int
    rows_updated: int
    rows_deleted: int
    rows_rejected: int
    files: int
    read_calls: int
    bytes_received: int
    columns: tuple[dict[str, str], ...] = ()
    preview: tuple[dict[str, Any], ...] = ()
    worst: tuple[str, ...] = ()
    rejects: tuple[Reject, ...] = field(default=(), repr=False)

    def summary(self) -> dict[str, Any]:
        """Numbers and names for XCom and the log; no row's content but what a dry run shows."""
        values = asdict(self)
        values.pop("rejects")
        if self.outcome != "planned":
            for key in ("preview", "columns", "worst"):
                values.pop(key)
        # Airflow keeps a tuple as an object of its own making, a list as JSON.
        return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}
