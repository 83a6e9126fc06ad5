"""Google's limits and quotas for Sheets, and where each is stated."""

from __future__ import annotations

# https://support.google.com/drive/answer/37603
MAX_CELLS_PER_WORKBOOK = 10_000_000
MAX_COLUMNS_PER_TAB = 18_278
# Long-standing product limits that Google's own error messages state.
MAX_CHARACTERS_PER_CELL = 50_000
MAX_TABS_PER_WORKBOOK = 200
MAX_SUBREQUESTS_PER_BATCH = 100_000

# https://developers.google.com/workspace/sheets/api/limits: "a 2-MB maximum payload" is advised.
ADVISED_REQUEST_BYTES = 2_000_000
QUOTA_WRITES_PER_MINUTE_PER_USER = 60
QUOTA_READS_PER_MINUTE_PER_USER = 60
QUOTA_WRITES_PER_MINUTE_PER_PROJECT = 300
QUOTA_READS_PER_MINUTE_PER_PROJECT = 300

# A cell's number is an IEEE 754 double: integers are exact up to 2**53, decimals up to 15 significant digits.
MAX_EXACT_INTEGER = 2**53
MAX_EXACT_DIGITS = 15

# https://developers.google.com/workspace/sheets/api/guides/metadata
MAX_METADATA_CHARACTERS = 30_000


def utf16_length(text: str) -> int:
    """Characters as Sheets counts them: an emoji outside the basic plane counts two."""
    return len(text) + sum(1 for character in text if ord(character) > 0xFFFF)
