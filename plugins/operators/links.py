"""Links from a task in Airflow's UI to what it wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import BaseOperatorLink, XCom

if TYPE_CHECKING:
    from airflow.models.taskinstancekey import TaskInstanceKey
    from airflow.sdk import BaseOperator


class GoogleSheetLink(BaseOperatorLink):
    """The tab that the task read or wrote."""

    name = "Google Sheet"

    @property
    def xcom_key(self) -> str:
        """The XCom that holds the address."""
        return "google_sheet_link"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002 - Airflow's signature
        """The address, "" before the task knows it."""
        value = XCom.get_value(key=self.xcom_key, ti_key=ti_key)
        return value if isinstance(value, str) else ""
