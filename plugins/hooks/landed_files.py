"""Files that arrive in buckets of Google Cloud Storage: fetched, and set aside where they are not fit to be loaded."""

from __future__ import annotations

import datetime as dt
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from google.api_core import exceptions as api

from hooks.file_stores import told_gcs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from google.cloud.storage import Client

    from drivetrain.features.landing import LandedFile

_TIMEOUT_SECONDS = 60.0


class LandedFiles:
    """The buckets of a connection.

    Args:
        gcp_conn_id: a connection of type google_cloud_platform.
        client: another client than the connection's.
    """

    def __init__(self, gcp_conn_id: str = "google_cloud_default", *, client: Client | None = None) -> None:
        self._gcp_conn_id, self._given = gcp_conn_id, client

    @cached_property
    def _client(self) -> Client:
        if self._given is not None:
            return self._given
        from airflow.providers.google.cloud.hooks.gcs import GCSHook

        return GCSHook(gcp_conn_id=self._gcp_conn_id).get_conn()

    def fetch(self, file: LandedFile, path: Path) -> dt.datetime | None:
        """Have this very version of a file; gives when it arrived, None where it is there no more."""
        with self._mapped(file):
            blob = self._client.bucket(file.bucket).blob(file.name, generation=file.generation)
            try:
                blob.reload(timeout=_TIMEOUT_SECONDS)
                blob.download_to_filename(str(path), timeout=_TIMEOUT_SECONDS)
            except api.NotFound:
                return None
            arrived: dt.datetime = blob.time_created
            return arrived

    def set_aside(self, file: LandedFile, reason: str) -> str:
        """Move a file to where nobody loads it; may be repeated. Gives its new address."""
        with self._mapped(file):
            bucket = self._client.bucket(file.bucket)
            source = bucket.blob(file.name, generation=file.generation)
            target = bucket.blob(file.set_aside_name)
            target.metadata = {"reason": reason[:1_000], "generation": str(file.generation)}
            try:
                token, _, _ = target.rewrite(source, timeout=_TIMEOUT_SECONDS)
                while token is not None:
                    token, _, _ = target.rewrite(source, token=token, timeout=_TIMEOUT_SECONDS)
                source.delete(timeout=_TIMEOUT_SECONDS, if_generation_match=file.generation)
            except api.NotFound:  # an earlier try came that far, or somebody took it away
                pass
        return f"gs://{file.bucket}/{file.set_aside_name}"

    def keep_rows(self, file: LandedFile, rows: Path) -> str:
        """Put a file's rejected rows beside those that were set aside; gives their address."""
        name = f"{file.set_aside_name}.rows.parquet"
        with self._mapped(file):
            self._client.bucket(file.bucket).blob(name).upload_from_filename(str(rows), timeout=_TIMEOUT_SECONDS)
        return f"gs://{file.bucket}/{name}"

    @contextmanager
    def _mapped(self, file: LandedFile) -> Iterator[None]:
        with told_gcs(file.url, self._gcp_conn_id, missing="bucket"):
            yield
