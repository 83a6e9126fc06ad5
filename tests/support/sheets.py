"""Parts that tests of the sheet sync share: a source from a table, specs in one line, a look at a tab."""

from __future__ import annotations

import functools
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import gspread
import pyarrow as pa
import yaml
from google.oauth2.service_account import Credentials

from drivetrain.retry import RetryPolicy
from drivetrain.sheets.engine import SyncJob, run_sync
from drivetrain.sheets.port import Settings
from drivetrain.sheets.spec import SheetSyncSpec
from hooks.google_sheets import SCOPES, http_client
from hooks.sheets_client import SheetsClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from drivetrain.sheets.outcome import SyncOutcome
    from drivetrain.sheets.rejects import Reject
    from standins.sheets.testing import SheetsStandin

ONCE = RetryPolicy(attempts=1)
PATIENT = RetryPolicy(attempts=5, initial_wait_seconds=0.01, max_wait_seconds=0.05)
ONE_LOOK = Settings(attempts=1)


class TableSource:
    """A query's result that is already here."""

    def __init__(self, table: pa.Table, batch_rows: int = 1000) -> None:
        self._table, self._batch_rows = table, batch_rows

    @property
    def schema(self) -> pa.Schema:
        return self._table.schema

    def batches(self) -> Iterable[pa.RecordBatch]:
        return self._table.to_batches(max_chunksize=self._batch_rows)


def rows_source(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> TableSource:
    """A source of text and integers from rows."""
    columns = list(zip(*rows, strict=True)) if rows else [[] for _ in names]
    arrays = [pa.array(column, None if rows else pa.null()) for column in columns]
    return TableSource(pa.table(arrays, names=list(names)))


def run_rows(
    client: SheetsClient,
    spec: SheetSyncSpec,
    source: TableSource,
    *,
    run_id: str = "run-1",
    settings: Settings = ONE_LOOK,
    dry_run: bool = False,
    on_rejects: Callable[[Sequence[Reject]], None] = lambda _: None,
) -> SyncOutcome:
    """Run one sync as the operator does."""
    job = SyncJob(spec, lambda: nullcontext(source), run_id, dry_run, on_rejects)
    return run_sync(job, client, settings=settings)


def spec_file(include: Path, name: str, **changes: Any) -> Path:
    """A sync's file below an include folder."""
    spec: dict[str, Any] = {
        "sync": name,
        "description": f"What {name} shows.",
        "team": "retail",
        "owner": "retail@drivetrain.example",
        "source": {"query": "SELECT 1 AS ID"},
        "target": {"spreadsheet_id": "a" * 30, "tab": name},
        "mode": "replace",
        "columns": [{"name": "ID", "type": "integer"}],
    } | changes
    path = include / "specs" / "sheets" / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(spec), encoding="utf-8")
    return path


def sync_spec(**changes: Any) -> SheetSyncSpec:
    """A small spec: CODE and NAME as text, SCORE as an integer."""
    target = {"spreadsheet_id": "1" * 44, "tab": "Data"} | changes.pop("target", {})
    document = {
        "sync": "small",
        "description": "A small sync.",
        "team": "retail",
        "owner": "retail@drivetrain.example",
        "source": {"query": "SELECT 1"},
        "target": target,
        "mode": "replace",
        "columns": [
            {"name": "CODE", "type": "text"},
            {"name": "NAME", "type": "text"},
            {"name": "SCORE", "type": "integer"},
        ],
    }
    return SheetSyncSpec.model_validate(document | changes)


@functools.cache
def credentials_of(keyfile: Path) -> Credentials:
    """An account's credentials, their token exchanged once: reading an RSA key takes longer than a sync."""
    return Credentials.from_service_account_file(str(keyfile), scopes=SCOPES)


def sheets_client(
    standin: SheetsStandin, *, account: str = "sync-1", retry: RetryPolicy = PATIENT, timeout_seconds: float = 10
) -> SheetsClient:
    """Our client with an account of the stand-in, made as GoogleSheetsHook makes it."""
    credentials = credentials_of(standin.keyfile(account))
    http = http_client(standin.url)(credentials)
    http.set_timeout(timeout_seconds)
    email = credentials.service_account_email
    return SheetsClient(http, account=email, connection="google_sheets_default", retry=retry)


def open_workbook(standin: SheetsStandin, spreadsheet_id: str) -> gspread.Spreadsheet:
    """A workbook as an ordinary gspread user opens it."""
    credentials = credentials_of(standin.keyfile())
    return gspread.Client(auth=credentials, http_client=http_client(standin.url)).open_by_key(spreadsheet_id)


def tab_values(standin: SheetsStandin, spreadsheet_id: str, tab: str) -> list[list[Any]]:
    """A tab's values as an ordinary reader sees them, through gspread."""
    worksheet = open_workbook(standin, spreadsheet_id).worksheet(tab)
    values: list[list[Any]] = worksheet.get_all_values(value_render_option="UNFORMATTED_VALUE")
    return [row for row in values if any(cell != "" for cell in row)]
