"""A port that writes only under a lease."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drivetrain.errors import RetriableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from drivetrain.sheets.port import SheetsPort, Usage


class GuardedPort:
    """Writes only while the workbook is ours: two workers never write one workbook at the same time."""

    def __init__(self, port: SheetsPort, still_ours: Callable[[], bool]) -> None:
        self._port, self._still_ours = port, still_ours

    @property
    def usage(self) -> Usage:
        """See SheetsPort."""
        return self._port.usage

    def get_workbook(self, spreadsheet_id: str, fields: str) -> dict[str, Any]:
        """See SheetsPort."""
        return self._port.get_workbook(spreadsheet_id, fields)

    def read_values(self, spreadsheet_id: str, ranges: Sequence[str]) -> Sequence[Sequence[Sequence[object]]]:
        """See SheetsPort."""
        return self._port.read_values(spreadsheet_id, ranges)

    def batch_update(self, spreadsheet_id: str, body: bytes) -> None:
        """See SheetsPort."""
        self._check(spreadsheet_id)
        self._port.batch_update(spreadsheet_id, body)

    def put_values(self, spreadsheet_id: str, where: str, body: bytes) -> None:
        """See SheetsPort."""
        self._check(spreadsheet_id)
        self._port.put_values(spreadsheet_id, where, body)

    def _check(self, spreadsheet_id: str) -> None:
        if not self._still_ours():
            raise RetriableError(f"workbook {spreadsheet_id}: its lease is about to end: not written, tried again")
