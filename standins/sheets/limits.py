"""The limits and quotas of Google Sheets, each with the page that states it.

Everything here is a default: ``Limits`` and ``Quotas`` are what a running server uses, so that a test can run against a
small limit instead of filling ten million cells.
"""

from __future__ import annotations

from dataclasses import dataclass

# https://support.google.com/drive/answer/37603 : 10 million cells a spreadsheet, and 18,278 columns (column ZZZ). The
# bound is on the size of the grids, filled or not (burnash/gspread#516: an append is refused to an empty grid).
MAX_CELLS = 10_000_000
MAX_COLUMNS = 18_278

# The API says it in its error (freelabz/secator#96): "more than the maximum of 50000 characters in a single cell".
MAX_CELL_CHARACTERS = 50_000

# Widely reported, and not on a page of the API's documentation; the wording of the error is the stand-in's.
MAX_SHEETS = 200

# Sub-requests a batch; the wording of the error is the stand-in's.
MAX_BATCH_REQUESTS = 100_000

# The general bound of Google's API front end, with its words (jlolling/talendcomp_tGoogleSheet#1, SCRT-HQ/PSGSuite#62).
# Sheets itself has "no hard size limits for an API request" and recommends 2 MB:
# https://developers.google.com/workspace/sheets/api/limits
MAX_REQUEST_BYTES = 10 * 1024 * 1024

# https://developers.google.com/workspace/sheets/api/guides/metadata : 30,000 characters of keys and values for the
# spreadsheet, and 30,000 for each sheet (with its rows and columns). The wording of the error is the stand-in's.
MAX_METADATA_CHARACTERS = 30_000

# https://developers.google.com/workspace/sheets/api/limits : per minute, for reads and for writes alike.
REQUESTS_PER_MINUTE_PER_PROJECT = 300
REQUESTS_PER_MINUTE_PER_USER = 60

# A new tab: what the Sheets UI and `addSheet` without gridProperties make.
DEFAULT_ROWS = 1000
DEFAULT_COLUMNS = 26

# https://developers.google.com/identity/protocols/oauth2/service-account : access tokens live for an hour.
TOKEN_SECONDS = 3600


@dataclass(frozen=True)
class Limits:
    """What one server enforces."""

    max_cells: int = MAX_CELLS
    max_columns: int = MAX_COLUMNS
    max_cell_characters: int = MAX_CELL_CHARACTERS
    max_sheets: int = MAX_SHEETS
    max_batch_requests: int = MAX_BATCH_REQUESTS
    max_request_bytes: int = MAX_REQUEST_BYTES
    max_metadata_characters: int = MAX_METADATA_CHARACTERS


@dataclass(frozen=True)
class Quotas:
    """Requests a minute; 0 turns a quota off. ``minute_seconds`` is how long "a minute" lasts here."""

    project_reads: int = REQUESTS_PER_MINUTE_PER_PROJECT
    project_writes: int = REQUESTS_PER_MINUTE_PER_PROJECT
    user_reads: int = REQUESTS_PER_MINUTE_PER_USER
    user_writes: int = REQUESTS_PER_MINUTE_PER_USER
    minute_seconds: float = 60.0
