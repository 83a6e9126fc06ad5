"""Copies of rows before they are deleted: gzipped lines of JSON."""

from __future__ import annotations

import gzip
import secrets
import tempfile
from typing import TYPE_CHECKING

from drivetrain.retry import RetryPolicy

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from drivetrain.cleanup.files import FileStore

_IN_MEMORY_BYTES = 8_000_000


class Archive:
    """A folder or bucket of files that are only ever added.

    A row may be in it twice (the process died between copy and delete) and is never missing: its primary key tells.

    Args:
        store: where the files go.
        now: when the clean-up began; part of their names.
        retry: for a store that is away for a moment.
    """

    def __init__(self, store: FileStore, now: dt.datetime, *, retry: RetryPolicy | None = None) -> None:
        self._store, self._stamp = store, f"{now:%Y%m%dT%H%M%SZ}"
        self._retry = retry or RetryPolicy(attempts=4, max_wait_seconds=16.0)
        self.rows = 0
        self.bytes = 0

    def keep(self, kind: str, at: dt.datetime, rows: Iterable[tuple[str, str]]) -> None:
        """Copy rows into one new file, `<kind>/dt=<day>/<begin>-<random>.jsonl.gz`; it is durable when this returns.

        Each line is `{"table": ..., "row": {...}}`, bytes as Postgres' hexadecimal text.

        Args:
            kind: the folder.
            at: what day the rows are about.
            rows: (table, row as a JSON object).
        """
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES) as file:
            count = 0
            with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=5) as lines:
                for table, row in rows:
                    lines.write(f'{{"table": "{table}", "row": {row}}}\n'.encode())
                    count += 1
            if not count:
                return
            size = file.tell()

            def write() -> None:
                file.seek(0)
                self._store.write(f"{kind}/dt={at:%Y-%m-%d}/{self._stamp}-{secrets.token_hex(8)}.jsonl.gz", file)

            # Under a new name each time: where the answer was lost there is one copy more.
            self._retry.call(write, ambiguous_too=True)
        self.rows += count
        self.bytes += size
