"""Where a workbook's page is."""

from __future__ import annotations

from functools import cache
from urllib.parse import quote

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

_CONNECTION = "google_sheets_default"
_GOOGLE_PAGES = "https://docs.google.com"


@cache
def _pages() -> str:
    """Google's pages, or those of the stand-in that the connection points at."""
    try:
        root = str(BaseHook.get_connection(_CONNECTION).extra_dejson.get("api_root") or _GOOGLE_PAGES)
    except AirflowNotFoundException:
        return _GOOGLE_PAGES
    return root.rstrip("/") if root.startswith(("https://", "http://")) else _GOOGLE_PAGES


def workbook_page(spreadsheet_id: str) -> str:
    """The page of a workbook."""
    return f"{_pages()}/spreadsheets/d/{quote(spreadsheet_id, safe='')}/edit"
