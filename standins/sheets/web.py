"""The pages that a person looks at: the list of workbooks, and a workbook at Google's own URL path."""

from __future__ import annotations

import asyncio
import re
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import orjson

from standins.sheets import view
from standins.sheets.core import Core
from standins.sheets.http import Receive, Scope, Send, send_bytes, send_json
from standins.sheets.workbook import Json, Sheet, Workbook

_PAGES = Path(__file__).parent / "pages"
_STATIC = {"sheets.css": "text/css; charset=utf-8", "sheets.js": "text/javascript; charset=utf-8"}
_BOOK = re.compile(r"/spreadsheets/d/([^/]+)(?:/(?:edit|view|htmlview))?/?")
_VIEW = re.compile(r"/_view/(?P<id>[^/]+)(?:/(?P<gid>[0-9]+)/(?P<what>details|rows|search))?")
_PAGE_ROWS = 1_000


class Web:
    """Serves the pages and the JSON behind them. None of it needs a token: it is for looking, on a local machine."""

    def __init__(self, core: Core) -> None:
        self._core = core

    @cached_property
    def _templates(self) -> Any:
        # Imported on the first page only: a server that nobody looks at starts faster.
        import jinja2

        return jinja2.Environment(
            loader=jinja2.FileSystemLoader(_PAGES), autoescape=True, trim_blocks=True, lstrip_blocks=True
        )

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one GET."""
        del receive
        path: str = scope["path"]
        if scope["method"] not in ("GET", "HEAD"):
            await send_bytes(send, 405, b"method not allowed\n", "text/plain", {"Allow": "GET"})
            return
        found = _VIEW.fullmatch(path)
        if found:
            await self._view(found, scope, send)
        elif path == "/":
            await self._page(send, 200, "index.html", books=self._books(), project=self._core.config.project)
        elif path.startswith("/static/") and path[8:] in _STATIC:
            headers = {"Cache-Control": "no-cache"}
            await send_bytes(send, 200, (_PAGES / path[8:]).read_bytes(), _STATIC[path[8:]], headers)
        elif (book := _BOOK.fullmatch(path)) is not None:
            await self._workbook(book[1], send)
        else:
            await self._page(send, 404, "missing.html", what="page", name=path)

    async def _page(self, send: Send, status: int, template: str, **values: Any) -> None:
        text = self._templates.get_template(template).render(**values)
        await send_bytes(send, status, text.encode(), "text/html; charset=utf-8", {"Cache-Control": "no-store"})

    def _books(self) -> list[Json]:
        books = [
            {
                "id": book.state.id,
                "title": book.state.title,
                "tabs": [sheet.title for sheet in book.state.sheets],
                "cells": book.state.cells(),
                "modified": book.state.modified,
                "by": book.state.change.by.partition("@")[0] if book.state.change else "",
                "revision": book.state.revision,
            }
            for book in list(self._core.workbooks.values())
        ]
        return sorted(books, key=lambda book: book["modified"], reverse=True)

    async def _workbook(self, workbook_id: str, send: Send) -> None:
        workbook = self._core.workbooks.get(workbook_id)
        if workbook is None:
            await self._page(send, 404, "missing.html", what="workbook", name=workbook_id)
            return
        # "</" would end the script element that carries the outline.
        outline = orjson.dumps(view.outline(workbook.state)).decode().replace("<", "\\u003c")
        await self._page(send, 200, "workbook.html", title=workbook.state.title, outline=outline)

    async def _view(self, found: re.Match[str], scope: Scope, send: Send) -> None:
        workbook = self._core.workbooks.get(found["id"])
        sheet = workbook.state.sheet(int(found["gid"])) if workbook and found["gid"] else None
        if workbook is None or (found["gid"] and sheet is None):
            await send_json(send, 404, {"error": "no such workbook or tab"})
            return
        query = {name: values[0] for name, values in parse_qs(scope["query_string"].decode("ascii")).items()}
        if sheet is None:
            if query.get("since") == str(workbook.state.revision):
                await send_json(send, 200, {"revision": workbook.state.revision})
            else:
                await send_json(send, 200, view.outline(workbook.state))
            return
        answer = await asyncio.to_thread(self._sheet, workbook, sheet, found["what"], query)
        await send_json(send, 200 if answer is not None else 400, answer or {"error": "start and count are numbers"})

    def _sheet(self, workbook: Workbook, sheet: Sheet, what: str, query: dict[str, str]) -> Json | None:
        state = workbook.state
        if what == "details":
            return view.details(state, workbook.styles, sheet)
        if what == "search":
            text = query.get("q", "")
            return view.search(state, workbook.styles, sheet, text) if text else {"cells": [], "more": False}
        start, count = query.get("start", "0"), query.get("count", "100")
        if not start.isdigit() or not count.isdigit():
            return None
        return view.rows(state, workbook.styles, sheet, int(start), min(int(count), _PAGE_ROWS))
