"""Result sets kept for their readers: the first rows go inline, the others in chunks that the client downloads.

The service hands out presigned URLs of cloud storage; here they point at this server. A chunk is encoded when it is
asked for, so the client holds what it reads and no more.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from standins.snowflake.wire import Column, to_ipc

_INLINE_ROWS = 1000
_KEPT_BYTES = 512 * 1024 * 1024
_RESPONSES = 2_000
_RESPONSE_BYTES = 64 * 1024 * 1024


@dataclass
class _Kept:
    table: pa.Table
    columns: list[Column]
    bounds: list[tuple[int, int]]
    downloads: list[int] = field(default_factory=list)


class ResultStore:
    """Recent results by query id. Thread-safe; the oldest are forgotten beyond 512 MiB."""

    def __init__(self, chunk_rows: int) -> None:
        self._chunk_rows = chunk_rows
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._responses: OrderedDict[str, tuple[str, dict[str, Any]]] = OrderedDict()
        self._response_bytes = 0
        self._secret = secrets.token_urlsafe(16)
        self._lock = threading.Lock()

    def keep(self, query_id: str, table: pa.Table, columns: list[Column], base_url: str) -> tuple[bytes, list[dict]]:
        """Split a result: the inline rows as Arrow IPC, and the entries of the response's ``chunks``."""
        first = to_ipc(table.slice(0, _INLINE_ROWS), columns)
        starts = range(_INLINE_ROWS, table.num_rows, self._chunk_rows)
        bounds = [(start, min(self._chunk_rows, table.num_rows - start)) for start in starts]
        if not bounds:
            return first, []
        with self._lock:
            self._kept[query_id] = _Kept(table, columns, bounds)
            while len(self._kept) > 1 and sum(kept.table.nbytes for kept in self._kept.values()) > _KEPT_BYTES:
                self._kept.popitem(last=False)
        row_bytes = max(1, table.nbytes // table.num_rows)
        chunks = [
            {
                "url": f"{base_url}/results/{query_id}/{index}?signature={self._secret}",
                "rowCount": rows,
                "uncompressedSize": rows * row_bytes,
                "compressedSize": rows * row_bytes,
            }
            for index, (_, rows) in enumerate(bounds)
        ]
        return first, chunks

    def chunk(self, query_id: str, index: int, signature: str) -> bytes | None:
        """One chunk as Arrow IPC, or None when it is unknown, forgotten or not signed by us."""
        with self._lock:
            kept = self._kept.get(query_id)
        if kept is None or index >= len(kept.bounds) or not secrets.compare_digest(signature, self._secret):
            return None
        kept.downloads.append(index)
        start, rows = kept.bounds[index]
        return to_ipc(kept.table.slice(start, rows), kept.columns)

    def downloaded(self, query_id: str) -> int | None:
        """How many chunks of a result were asked for so far; None when it had no chunks."""
        with self._lock:
            kept = self._kept.get(query_id)
        return None if kept is None else len(kept.downloads)

    def remember(self, query_id: str, user: str, response: dict[str, Any]) -> None:
        """Keep a response for ``GET /queries/<id>/result``: a client lost it, or another session of the user asks.

        The service keeps results for 24 hours; here it is the last 2,000 responses, up to 64 MiB of rows.
        """
        with self._lock:
            self._forget(query_id)
            self._responses[query_id] = user, response
            self._response_bytes += _size(response)
            while len(self._responses) > 1 and (
                len(self._responses) > _RESPONSES or self._response_bytes > _RESPONSE_BYTES
            ):
                self._forget(next(iter(self._responses)))

    def recall(self, query_id: str, user: str) -> dict[str, Any] | None:
        """The response of a recent query of this user's, in whatever session; another's is as if it were not there."""
        with self._lock:
            owner, response = self._responses.get(query_id, ("", None))
            return response if owner == user else None

    def _forget(self, query_id: str) -> None:
        _, response = self._responses.pop(query_id, ("", None))
        self._response_bytes -= _size(response or {})


def _size(response: dict[str, Any]) -> int:
    return len(response.get("rowsetBase64") or "")
