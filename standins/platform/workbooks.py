"""Creates the workbooks that the demo's syncs write to, shared with the service accounts that write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import yaml

from standins.platform.connections import SHEETS_ACCOUNTS
from standins.supervisor.errors import SupervisorError

if TYPE_CHECKING:
    from standins.platform.layout import Layout


def create_workbooks(layout: Layout) -> str:
    """Create each workbook of `standins/warehouse/workbooks.yaml` that is not there yet; says how many there are.

    Raises:
        SupervisorError: the stand-in refused one.
    """
    listing = layout.repository / "standins" / "warehouse" / "workbooks.yaml"
    workbooks = yaml.safe_load(listing.read_text())["workbooks"] if listing.exists() else []
    with httpx.Client(base_url=layout.sheets_url, timeout=30, trust_env=False) as client:
        for workbook in workbooks:
            body = {
                "spreadsheet_id": workbook["id"],
                "title": workbook["title"],
                "share_with": list(SHEETS_ACCOUNTS),
                "tabs": workbook.get("tabs", ["Sheet1"]),
            }
            response = client.post("/_control/spreadsheets", json=body)
            if response.is_error:
                raise SupervisorError(
                    f"workbook {workbook['id']}: the Sheets stand-in answered "
                    f"{response.status_code} {response.text[:200]}"
                )
    return f"{len(workbooks)} ready"
