"""Runs the emulator, by the Python that has it, with two changes.

- It would install DuckDB's extension for geography from the network, which is of no use here.
- Of an upload it takes some kinds of content only, while Google's own client sends `*/*`.
"""

from __future__ import annotations

import sys

from bqemulator.api.routes import upload
from bqemulator.cli import main
from bqemulator.storage.engine import DuckDBEngine

_is_permitted = upload._is_permitted_media_type
upload._is_permitted_media_type = lambda content_type: content_type == "*/*" or _is_permitted(content_type)
DuckDBEngine._load_spatial = lambda self: None  # noqa: ARG005

if __name__ == "__main__":
    sys.exit(main())
