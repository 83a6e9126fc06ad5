"""/_control: what tests and demos use to set the scene. No token is needed, and nothing here is counted or logged."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any
from urllib.parse import parse_qsl

import orjson

from standins.sheets import values
from standins.sheets.api import Api
from standins.sheets.core import Core, blank_sheet, permission
from standins.sheets.errors import ApiError
from standins.sheets.http import Receive, Scope, Send, read_body, send_json
from standins.sheets.workbook import Edit, Json, Sheet

_CONTROL_BYTES = 256 * 1024 * 1024


class ControlError(Exception):
    """400 (or another status) with a plain message."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class Control:
    """The control endpoints."""

    def __init__(self, core: Core, api: Api) -> None:
        self._core = core
        self._api = api
        # Making a workbook "unless it is there" must not race with itself.
        self._making = threading.Lock()
        self._routes: list[tuple[str, re.Pattern[str], Callable[..., Any], bool]] = [
            ("POST", re.compile(r"/_control/faults"), self._add_fault, False),
            ("GET", re.compile(r"/_control/faults"), self._faults, False),
            ("DELETE", re.compile(r"/_control/faults"), self._clear_faults, False),
            ("GET", re.compile(r"/_control/stats"), self._stats, False),
            ("POST", re.compile(r"/_control/stats/reset"), self._reset_stats, False),
            ("GET", re.compile(r"/_control/calls"), self._calls, False),
            ("POST", re.compile(r"/_control/quotas"), self._set_quotas, False),
            ("GET", re.compile(r"/_control/quotas"), self._quotas, False),
            ("GET", re.compile(r"/_control/spreadsheets"), self._list, True),
            ("POST", re.compile(r"/_control/spreadsheets"), self._create, True),
            ("DELETE", re.compile(r"/_control/spreadsheets/(?P<name>[^/]+)"), self._delete, True),
            ("POST", re.compile(r"/_control/accounts"), self._account, True),
            ("POST", re.compile(r"/_control/accounts/(?P<name>[^/]+)/revoke"), self._revoke, True),
        ]

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one control call; the slow ones in a thread."""
        path = scope["path"]
        for verb, pattern, handler, slow in self._routes:
            found = pattern.fullmatch(path) if verb == scope["method"] else None
            if not found:
                continue
            body = await read_body(receive, _CONTROL_BYTES)
            query = dict(parse_qsl(scope["query_string"].decode("ascii")))
            try:
                given = orjson.loads(body) if body.strip() else {}
                arguments = (given if scope["method"] == "POST" else query, *found.groups())
                answer = await asyncio.to_thread(handler, *arguments) if slow else handler(*arguments)
            except ControlError as error:
                await send_json(send, error.status, {"error": str(error)})
            except ApiError as error:
                await send_json(send, error.code, error.body())
            except (ValueError, TypeError, KeyError) as error:
                await send_json(send, 400, {"error": f"{type(error).__name__}: {error}"})
            else:
                await send_json(send, 200, answer)
            return
        await send_json(send, 404, {"error": f"no control endpoint {scope['method']} {path}"})

    # Faults, log, quotas ---------------------------------------------------------------------------------------------

    def _add_fault(self, given: Json) -> Json:
        if given.get("kind") == "down":
            seconds = float(given.get("seconds", 1))
            self._api.down_until = time.monotonic() + seconds
            return {"kind": "down", "seconds": seconds}
        return asdict(self._core.faults.add(given))

    def _faults(self, _: Json) -> Json:
        return {"faults": self._core.faults.listed(), "down_seconds": max(self._api.down_until - time.monotonic(), 0)}

    def _clear_faults(self, _: Json) -> Json:
        self._core.faults.clear()
        self._api.down_until = 0.0
        return {}

    def _stats(self, _: Json) -> Json:
        return {"methods": self._core.calls.stats()}

    def _reset_stats(self, _: Json) -> Json:
        self._core.calls.reset()
        return {}

    def _calls(self, query: Json) -> Json:
        return {"calls": self._core.calls.since(int(query.get("since", 0)))}

    def _set_quotas(self, given: Json) -> Json:
        quotas = replace(self._core.quota.quotas, **given)
        if quotas.minute_seconds <= 0:
            raise ControlError("minute_seconds must be above 0")
        self._core.quota.quotas = quotas
        self._core.quota.reset()
        return asdict(quotas)

    def _quotas(self, _: Json) -> Json:
        return asdict(self._core.quota.quotas)

    # Workbooks -------------------------------------------------------------------------------------------------------

    def _list(self, _: Json) -> Json:
        return {
            "spreadsheets": [
                {"spreadsheet_id": book.state.id, "title": book.state.title, "revision": book.state.revision}
                for book in list(self._core.workbooks.values())
            ]
        }

    def _create(self, given: Json) -> Json:
        """Make a workbook unless its id is there already. A tab is a title, or {title, rows, columns, values}."""
        with self._making:
            return self._create_once(given)

    def _create_once(self, given: Json) -> Json:
        known = {"spreadsheet_id", "title", "tabs", "owner", "share_with", "public_read"}
        if set(given) - known:
            raise ControlError(f"unknown fields: {', '.join(sorted(set(given) - known))}")
        wanted = given.get("spreadsheet_id")
        if wanted is not None and not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", wanted):
            raise ControlError(f"a spreadsheet id has letters, digits, - and _ only: {wanted!r}")
        if wanted and wanted in self._core.workbooks:
            return self._described(wanted, created=False)
        tabs = [tab if isinstance(tab, dict) else {"title": tab} for tab in given.get("tabs") or ["Sheet1"]]
        sheets: list[Sheet] = []
        for place, tab in enumerate(tabs):
            rows = max(int(tab.get("rows", 1000)), len(tab.get("values", [])))
            columns = max(int(tab.get("columns", 26)), *(len(row) for row in tab.get("values") or [[]]))
            sheets.append(blank_sheet(tab["title"], place, rows, columns))
        owner = given.get("owner") or "sheet-owner@example.com"
        shares = given.get("share_with")
        # Nobody named: every account that there is now may write, which is what a demo wants.
        shares = self._core.accounts.emails() if shares is None else shares
        permissions = [self._share(each) for each in shares if self._address(each) != self._core.accounts.email(owner)]
        if given.get("public_read"):
            permissions.append(permission("anyone", "reader"))
        title = given.get("title") or "Untitled spreadsheet"
        owner = self._core.accounts.email(owner)
        made = self._core.create(title, owner, sheets, wanted, permissions)
        filled = [tab for tab in tabs if tab.get("values")]
        if filled:
            self._core.write(made, owner, "control.create", lambda edit: _fill(edit, filled))
        return self._described(made.state.id, created=True)

    def _address(self, share: Any) -> str:
        return self._core.accounts.email(share["email"] if isinstance(share, dict) else share)

    def _share(self, share: Any) -> Json:
        role = share.get("role", "writer") if isinstance(share, dict) else "writer"
        return permission("user", role, self._address(share))

    def _described(self, workbook_id: str, created: bool) -> Json:
        state = self._core.workbooks[workbook_id].state
        return {
            "spreadsheet_id": workbook_id,
            "title": state.title,
            "created": created,
            "url": f"{self._core.base_url}/spreadsheets/d/{workbook_id}/edit",
            "tabs": [{"title": sheet.title, "sheet_id": sheet.id} for sheet in state.sheets],
        }

    def _delete(self, _: Json, name: str) -> Json:
        workbook = self._core.workbooks.get(name)
        if workbook is not None:
            self._core.delete(workbook)
        return {"deleted": workbook is not None}

    # Accounts --------------------------------------------------------------------------------------------------------

    def _account(self, given: Json) -> Json:
        path, key = self._core.accounts.create(given["name"])
        return {"path": str(path), "key": key}

    def _revoke(self, given: Json, name: str) -> Json:
        what = given.get("what", "key")
        if what not in ("key", "account", ""):
            raise ControlError("what must be key, account, or empty to undo")
        if not self._core.accounts.has(name):
            raise ControlError(f"no account {name!r}", 404)
        self._core.accounts.revoke(name, what)
        return {"name": name, "revoked": what}


def _fill(edit: Edit, tabs: list[Json]) -> None:
    for tab in tabs:
        title = "'" + tab["title"].replace("'", "''") + "'"
        values.update(edit, f"{title}!A1", {"values": tab["values"]}, {"valueInputOption": "RAW"})
