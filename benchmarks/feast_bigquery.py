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
        channel = grpc.insecure_channel(storage, options=[("grpc.max_receive_message_length", -1)])
        return BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=channel))

    ask = bigquery.Client.query

    def query(client: bigquery.Client, text: str, **options: Any) -> bigquery.QueryJob:
        # Google keeps each result in a table for its Storage Read API; the emulator finds only those that have a name.
        table = f"{project}.features.feast"
        job = ask(client, f"CREATE OR REPLACE TABLE {table} AS {text}", **options)
        job.to_arrow = lambda: client.list_rows(client.get_table(table)).to_arrow(bqstorage_client=reader())
        return job

    os.environ["BIGQUERY_EMULATOR_HOST"] = url
    bigquery.Client.query = query
    google.auth.default = anonymous
