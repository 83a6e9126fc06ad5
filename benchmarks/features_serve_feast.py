"""Feast's feature server, by the Python of .venv-feast, over a store that has the features already."""

from __future__ import annotations

import sys
from pathlib import Path

import uvicorn
from feast.feature_server import get_app
from feast_store import store_of


def main() -> None:
    """Arguments: Redis' port, the server's port, a folder, how many features the view has."""
    redis, port, folder, features = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
    types = {f"f{number}": "DOUBLE" for number in range(features)}
    store = store_of(folder, redis, "wide", types, str(folder / "rows.parquet"))
    uvicorn.run(get_app(store), host="127.0.0.1", port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
