"""Lets Feast's client of BigQuery talk to the emulator; run by the Python of .venv-feast."""

from __future__ import annotations

import os
from typing import Any


def use_emulator(url: str, storage: str, project: str) -> None:
    """Call it before Feast makes a client.

    Args:
        url: of the REST API.
        storage: host:port of the Storage Read API.
        project: who pays, so to say.
    """
    import google.auth
    import grpc
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import bigquery
    from google.cloud.bigquery_storage_v1 import BigQueryReadClient
    from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport

    def anonymous(*_: Any, **__: Any) -> tuple[AnonymousCredentials, str]:
        return AnonymousCredentials(), project

    def reader(*_: Any, **__: Any) -> BigQueryReadClient:
        return BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=grpc.insecure_channel(storage)))

    os.environ["BIGQUERY_EMULATOR_HOST"] = url
    google.auth.default = anonymous
    # Without it the client would read a million rows as JSON, which is not what Google's users get.
    bigquery.Client._ensure_bqstorage_client = reader
