"""What a sync needs of the world: a query to read and Google Sheets, and how patient it is with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from drivetrain.errors import RetriableError
from drivetrain.sheets import limits

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pyarrow as pa


class StalePlanError(RetriableError):
    """A batch was not sent: it was planned too long ago, since calls had to wait in between. Look again and plan anew.

    Somebody may have inserted a row meanwhile, and the batch would write beside it.
    """


class SheetsPort(Protocol):
    """What a sync needs of Google Sheets. Errors are drivetrain.errors; reads and refused calls are retried inside."""

    def get_workbook(self, spreadsheet_id: str, fields: str) -> dict[str, Any]:
        """spreadsheets.get; what is planned from here on starts with this look at the workbook."""

    def read_values(self, spreadsheet_id: str, ranges: Sequence[str]) -> Sequence[Sequence[Sequence[object]]]:
        """values.batchGet: for each range its rows, unformatted, dates as serials."""

    def batch_update(self, spreadsheet_id: str, body: bytes) -> None:
        """spreadsheets.batchUpdate; a lost answer is AmbiguousWriteError, a plan that got too old StalePlanError."""

    def put_values(self, spreadsheet_id: str, where: str, body: bytes) -> None:
        """values.update, RAW; sent again when the answer is lost, since it has the same effect every time."""

    @property
    def usage(self) -> Usage:
        """Calls and bytes so far."""


@dataclass
class Usage:
    """API calls that were sent, each try counted, and their bytes; and how long they waited to be sent.

    Attributes:
        waited_seconds: for the quota, and between two tries of a call.
    """

    read_calls: int = 0
    write_calls: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    waited_seconds: float = 0.0


class RowSource(Protocol):
    """A query that is about to be read."""

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the result's columns."""

    def batches(self) -> Iterable[pa.RecordBatch]:
        """The rows, a part at a time."""


@dataclass(frozen=True)
class Settings:
    """How a sync talks to Google.

    Attributes:
        max_request_bytes: the largest request body; Google advises 2 MB.
        read_cells: cells of one values.get.
        attempts: looks at the workbook before a lost answer becomes the task's failure. Those that a wait for the quota
            makes necessary are not counted.
        wait_seconds: mean wait before looking again, doubled each time.
        spool_bytes: of a query's rows, and as many of a tab's, that stay in memory, the syncs of a group together. What
            is more lies in temporary files.
        early_rows: of queries that are read before the look at the sheet, since it may turn out unnecessary; the others
            are read after it, one query at a time.
    """

    max_request_bytes: int = limits.ADVISED_REQUEST_BYTES
    read_cells: int = 250_000
    attempts: int = 4
    wait_seconds: float = 1.0
    spool_bytes: int = 8_000_000
    early_rows: int = 100_000
