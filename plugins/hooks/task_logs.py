"""Where Airflow keeps its logs, by its own configuration: a folder, and a bucket if there is one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from airflow.sdk.configuration import conf

from drivetrain.errors import FatalError
from hooks.file_stores import file_store

if TYPE_CHECKING:
    from drivetrain.cleanup.files import FileStore


@dataclass(frozen=True)
class LogStores:
    """Stores of logs.

    Attributes:
        known: by "local" and "remote".
        unknown: the remote store that no part here can clean, "" if there is none: give it a rule of its own.
    """

    known: dict[str, FileStore]
    unknown: str = ""


def log_stores() -> LogStores:
    """The folder of [logging] base_log_folder, and what remote_base_log_folder names where remote_logging is on.

    The folder is that of the machine on which the task runs: a shared volume, or one machine for all. A pod's go with
    it.
    https://airflow.apache.org/docs/apache-airflow/stable/configurations-ref.html#logging
    """
    known: dict[str, FileStore] = {"local": file_store(Path(conf.get("logging", "base_log_folder")).resolve().as_uri())}
    if not conf.getboolean("logging", "remote_logging", fallback=False):
        return LogStores(known)
    url = conf.get("logging", "remote_base_log_folder", fallback="")
    account = conf.get("logging", "remote_log_conn_id", fallback="") or "google_cloud_default"
    try:
        return LogStores({**known, "remote": file_store(url, gcp_conn_id=account)})
    except FatalError:
        return LogStores(known, unknown=url)
