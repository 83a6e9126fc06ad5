"""What Airflow learns of the boards by the airflow.plugins entry point.

Every process of Airflow loads this file, and only the API server serves pages: what they need is imported when it asks.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

PREFIX = "/drivetrain"


def _base() -> str:
    """The path below which Airflow itself is served, "" for the root."""
    return urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/")


class BoardsPlugin(AirflowPlugin):
    """Boards below /drivetrain, with their entries in the navigation."""

    name = "drivetrain_boards"

    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override] # read on the instance, once
        """The application that serves them."""
        from boards.app import create_app

        return [{"app": create_app(), "url_prefix": PREFIX, "name": "Drivetrain boards"}]

    @cached_property
    def external_views(self) -> list[dict[str, Any]]:  # type: ignore[override] # likewise
        """Their places in the navigation."""
        root = _base() + PREFIX
        return [_entry(root, "Sheet syncs", "sheets"), _entry(root, "Features", "features")]


def _entry(root: str, name: str, board: str) -> dict[str, Any]:
    return {
        "name": name,
        "href": f"{root}/{board}",
        "url_route": name.lower().replace(" ", "-"),
        "destination": "nav",
        "nav_top_level": True,
        "icon": f"{root}/static/{board}.svg",
        "icon_dark_mode": f"{root}/static/{board}-dark.svg",
    }
