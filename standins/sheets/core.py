"""What one server holds: workbooks, accounts, quotas, faults, the log; and who may do what to a workbook."""

from __future__ import annotations

import secrets
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from standins.sheets.accounts import Accounts
from standins.sheets.calls import CallLog
from standins.sheets.errors import not_found, permission_denied
from standins.sheets.faults import Faults
from standins.sheets.grid import Grid
from standins.sheets.limits import DEFAULT_COLUMNS, DEFAULT_ROWS, TOKEN_SECONDS, Limits, Quotas
from standins.sheets.quota import QuotaMeter
from standins.sheets.store import Store
from standins.sheets.workbook import (
    Edit,
    Json,
    Sheet,
    State,
    StyleTable,
    Workbook,
    new_properties,
    new_props,
    now_text,
)

RANK = {"reader": 1, "commenter": 2, "writer": 3, "organizer": 3, "fileOrganizer": 3, "owner": 4}


@dataclass(frozen=True)
class Config:
    """What ``serve`` was started with."""

    data: Path
    project: str = "drivetrain-local"
    accounts: int = 3
    limits: Limits = field(default_factory=Limits)
    quotas: Quotas = field(default_factory=Quotas)
    token_seconds: int = TOKEN_SECONDS
    check_responses: bool = False


class Core:
    """The server's state."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.limits = config.limits
        self.store = Store(config.data / "sheets.sqlite")
        self.accounts = Accounts(self.store, config.data / "accounts", config.project, config.token_seconds)
        self.project_number = str(100_000_000_000 + zlib.crc32(config.project.encode()) * 97 % 899_999_999_999)
        self.quota = QuotaMeter(config.quotas, self.project_number)
        self.faults = Faults()
        self.calls = CallLog()
        self.base_url = ""
        self._lock = threading.Lock()
        self.workbooks: dict[str, Workbook] = self.store.load_all()

    def start(self, base_url: str) -> None:
        """Write the key files; the address is known now."""
        self.base_url = base_url
        names = [f"sync-{number}" for number in range(1, self.config.accounts + 1)]
        self.accounts.ensure(names, base_url)

    def close(self) -> None:
        """Close the database."""
        self.store.close()

    # Access ----------------------------------------------------------------------------------------------------------

    def role(self, state: State, email: str) -> str | None:
        """The best role of an account on a workbook: its own, its domain's, or anyone's."""
        best: str | None = None
        domain = email.partition("@")[2]
        for item in state.permissions:
            kind = item["type"]
            mine = (
                kind == "anyone"
                or (kind in ("user", "group") and item.get("emailAddress", "").casefold() == email.casefold())
                or (kind == "domain" and item.get("domain") == domain)
            )
            if mine and (best is None or RANK[item["role"]] > RANK[best]):
                best = item["role"]
        return best

    def workbook(self, workbook_id: str, email: str, need: str) -> Workbook:
        """The workbook, if the account may do this: 404 for an unknown id, 403 without the role."""
        found = self.workbooks.get(workbook_id)
        if found is None:
            raise not_found()
        role = self.role(found.state, email)
        if role is None or RANK[role] < RANK[need]:
            raise permission_denied()
        return found

    def write(self, workbook: Workbook, email: str, method: str, change: Callable[[Edit], Any]) -> Any:
        """Run one change, store it, and only then show it to others."""
        with workbook.lock:
            if self.workbooks.get(workbook.state.id) is not workbook:
                raise not_found()
            edit = Edit(workbook, self.limits, email, method)
            answer = change(edit)
            state = edit.finish()
            self.store.save(workbook, workbook.state, state)
            workbook.state = state
        return answer

    # Workbooks -------------------------------------------------------------------------------------------------------

    def create(
        self,
        title: str,
        owner: str,
        sheets: list[Sheet] | None = None,
        workbook_id: str | None = None,
        permissions: list[Json] | None = None,
    ) -> Workbook:
        """A new workbook, stored."""
        workbook_id = workbook_id or "1" + secrets.token_urlsafe(32)[:43]
        at = now_text()
        tabs = sheets or [Sheet(new_props(0, "Sheet1", 0), Grid())]
        state = State(
            id=workbook_id,
            properties=new_properties(title),
            sheets=tuple(tabs),
            permissions=(permission("user", "owner", owner), *(permissions or [])),
            revision=1,
            created=at,
            modified=at,
        )
        workbook = Workbook(state, StyleTable())
        self.register(workbook)
        return workbook

    def register(self, workbook: Workbook) -> None:
        """Store a workbook and show it."""
        with self._lock:
            self.store.save(workbook, None, workbook.state)
            self.workbooks[workbook.state.id] = workbook

    def delete(self, workbook: Workbook) -> None:
        """Remove a workbook for good."""
        with workbook.lock, self._lock:
            if self.workbooks.pop(workbook.state.id, None) is not None:
                self.store.delete(workbook.state.id)


def permission(kind: str, role: str, target: str | None = None) -> Json:
    """A Drive permission; its id depends on whom it is for alone, as Drive's does."""
    item: Json = {"kind": "drive#permission", "type": kind, "role": role}
    if kind == "anyone":
        return {**item, "id": "anyoneWithLink", "allowFileDiscovery": False}
    target = target or ""
    item["id"] = str(10**19 + zlib.crc32(target.casefold().encode()) * 1_000_003)
    if kind == "domain":
        return {**item, "domain": target, "displayName": target}
    return {**item, "emailAddress": target, "displayName": target.partition("@")[0], "deleted": False}


def blank_sheet(title: str, index: int, rows: int = DEFAULT_ROWS, columns: int = DEFAULT_COLUMNS) -> Sheet:
    """An empty tab: the first one's id is 0, as in a new Google workbook."""
    sheet_id = 0 if index == 0 else zlib.crc32(f"{index}/{title}".encode()) % (2**31 - 1) + 1
    return Sheet(new_props(sheet_id, title, index, rows, columns), Grid())
