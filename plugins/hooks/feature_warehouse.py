"""BigQuery, as features need it: statements, their price, and staged rows as a stream of Arrow batches."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from airflow.sdk import BaseHook
from google.api_core import exceptions as api
from google.auth.exceptions import GoogleAuthError, TransportError

from drivetrain.errors import (
    AccessDeniedError,
    CredentialsError,
    DrivetrainError,
    SourceError,
    TargetMissingError,
    UnavailableError,
)
from drivetrain.features.warehouse_sql import shard_is
from hooks.large_blocks import return_large_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from google.cloud.bigquery import Client
    from google.cloud.bigquery.table import RowIterator
    from google.cloud.bigquery_storage_v1 import BigQueryReadClient
    from google.cloud.bigquery_storage_v1.types import ReadSession

    from drivetrain.features.warehouse_sql import Statement

GIB = 2**30
_CALL_SECONDS = 60.0
_JOB_SECONDS = 1_800.0
_LOADS = 5
_CHANNEL = [
    ("grpc.max_send_message_length", -1),  # these two as Google's own
    ("grpc.max_receive_message_length", -1),
    # How much may be under way to a reader that is slower than its stream. By itself gRPC takes more and more, the
    # longer a stream lasts: 100 MiB for two million rows. This is enough for 400 MB a second over 10 ms.
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", 4 * 2**20),
]


class FeatureWarehouseHook(BaseHook):
    """BigQuery.

    Args:
        gcp_conn_id: a connection of type google_cloud_platform. For another server than Google's its extra has
            `bigquery_url`, `bigquery_storage_target` (host:port, spoken to without TLS), `is_anonymous` and `project`.
    """

    conn_name_attr = "gcp_conn_id"
    default_conn_name = "google_cloud_default"

    def __init__(self, gcp_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.gcp_conn_id = gcp_conn_id

    @cached_property
    def _extra(self) -> Mapping[str, Any]:
        return self.get_connection(self.gcp_conn_id).extra_dejson

    @cached_property
    def _credentials(self) -> tuple[Any, str]:
        from airflow.providers.google.common.hooks.base_google import GoogleBaseHook

        credentials, project = GoogleBaseHook(gcp_conn_id=self.gcp_conn_id).get_credentials_and_project_id()
        project = self._extra.get("project") or project
        if not project:
            raise CredentialsError(
                f"connection {self.gcp_conn_id}: extra: project is missing: name who pays for queries"
            )
        return credentials, project

    @cached_property
    def _client(self) -> Client:
        from google.cloud.bigquery import Client

        credentials, project = self._credentials
        url = self._extra.get("bigquery_url")
        return Client(project=project, credentials=credentials, client_options={"api_endpoint": url} if url else None)

    @cached_property
    def _reader(self) -> BigQueryReadClient:
        from google.cloud.bigquery_storage_v1 import BigQueryReadClient
        from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport

        if target := self._extra.get("bigquery_storage_target"):
            import grpc

            channel = grpc.insecure_channel(target, options=_CHANNEL)
        else:
            channel = BigQueryReadGrpcTransport.create_channel(credentials=self._credentials[0], options=_CHANNEL)
        return BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=channel))

    def gib(self, statement: Statement) -> float:
        """What a statement would scan, without running it; a try costs nothing.

        https://cloud.google.com/bigquery/docs/running-queries#dry-run
        """
        with self._mapped():
            job = self._client.query(statement.sql, self._config(statement, dry_run=True), timeout=_CALL_SECONDS)
            return float(job.total_bytes_processed or 0) / GIB

    def run(self, statement: Statement, *, max_gib: float, labels: Mapping[str, str]) -> Sequence[Mapping[str, Any]]:
        """Run a statement to its end; gives its rows, of which there are few.

        Args:
            statement: it may run twice: a job whose answer was lost is begun anew.
            max_gib: it is refused where it would scan more.
            labels: for the bill.
        """
        config = self._config(statement, labels=dict(labels), maximum_bytes_billed=int(max_gib * GIB))
        with self._mapped():
            rows: RowIterator = self._client.query(statement.sql, config, timeout=_CALL_SECONDS).result(
                timeout=_JOB_SECONDS
            )
            return [dict(row.items()) for row in rows]

    def batches(self, table: str, columns: Sequence[str], shard: int) -> Iterator[pa.RecordBatch]:
        """One shard's rows of a staged table: asked for at once, read bit by bit, from where a stream broke.

        https://cloud.google.com/bigquery/docs/reference/storage

        Args:
            table: project.dataset.table.
            columns: which.
            shard: its number.
        """
        from google.cloud.bigquery_storage_v1.types import DataFormat, ReadSession

        # Messages have megabytes. Both allocators would keep what is no more needed of them, 100 MiB a process.
        return_large_blocks()
        pa.set_memory_pool(pa.system_memory_pool())
        project, dataset, name = table.split(".")
        options = ReadSession.TableReadOptions(selected_fields=list(columns), row_restriction=shard_is(shard))
        path = f"projects/{project}/datasets/{dataset}/tables/{name}"
        session = ReadSession(table=path, data_format=DataFormat.ARROW, read_options=options)
        with self._mapped():
            opened = self._reader.create_read_session(
                parent=f"projects/{self._credentials[1]}",
                read_session=session,
                max_stream_count=1,
                timeout=_CALL_SECONDS,
            )
        return self._pages(opened)

    def _pages(self, opened: ReadSession) -> Iterator[pa.RecordBatch]:
        with self._mapped():
            if not opened.streams:  # there are no rows
                return
            schema = pa.ipc.read_schema(pa.py_buffer(opened.arrow_schema.serialized_schema))
            for stream in opened.streams:
                for response in self._reader.read_rows(stream.name):
                    data = pa.py_buffer(response.arrow_record_batch.serialized_record_batch)
                    del response  # it has the rows a second time
                    yield pa.ipc.read_record_batch(data, schema)
                    del data  # before the next ones come

    def load(self, path: Path, table: str, *, key: str) -> None:
        """Append a Parquet file's rows to a table, once for each key however often it is asked.

        A job's id is taken once and for all, so that a job which is sent again is refused:
        https://cloud.google.com/bigquery/docs/running-jobs#generate-jobid . One that failed gets a next id.

        Args:
            path: of the file.
            table: project.dataset.table, which is there.
            key: of the load, with the table's name: job ids are one project's, whatever its tables.
        """
        from google.cloud.bigquery import LoadJobConfig, ParquetOptions

        lists = ParquetOptions()
        lists.enable_list_inference = True
        config = LoadJobConfig(
            source_format="PARQUET",
            write_disposition="WRITE_APPEND",
            create_disposition="CREATE_NEVER",
            parquet_options=lists,
        )
        named = hashlib.sha256(key.encode()).hexdigest()[:32]
        with self._mapped():
            for number in range(_LOADS):
                job_id = f"drivetrain-{named}-{number}"
                try:
                    with path.open("rb") as file:
                        job = self._client.load_table_from_file(
                            file, table, job_id=job_id, job_config=config, timeout=_JOB_SECONDS
                        )
                except api.Conflict:
                    job = self._client.get_job(job_id, timeout=_CALL_SECONDS)
                    if job.error_result is not None:
                        continue
                job.result(timeout=_JOB_SECONDS)
                return
        raise UnavailableError(f"BigQuery: {table}: {_LOADS} jobs of {key} failed: drivetrain-{named}-0 and on say why")

    def columns(self, table: str) -> Sequence[str]:
        """The names of a table's columns."""
        with self._mapped():
            return [field.name for field in self._client.get_table(table, timeout=_CALL_SECONDS).schema]

    def rows(self, table: str) -> int:
        """How many rows a table has."""
        with self._mapped():
            return int(self._client.get_table(table, timeout=_CALL_SECONDS).num_rows or 0)

    def drop(self, table: str) -> None:
        """Remove a table, if it is there."""
        with self._mapped():
            self._client.delete_table(table, not_found_ok=True, timeout=_CALL_SECONDS)

    def _config(self, statement: Statement, **options: Any) -> Any:
        from google.cloud.bigquery import QueryJobConfig, ScalarQueryParameter

        parameters = [ScalarQueryParameter(name, "TIMESTAMP", at) for name, at in statement.parameters.items()]
        return QueryJobConfig(query_parameters=parameters, **options)

    @contextmanager
    def _mapped(self) -> Iterator[None]:
        try:
            yield
        except api.GoogleAPICallError as error:
            raise _told(error) from None
        except (api.RetryError, TransportError, OSError, TimeoutError) as error:
            raise UnavailableError(f"BigQuery: {_line(error)}") from None
        except GoogleAuthError as error:
            raise CredentialsError(f"BigQuery: {_line(error)}: correct connection {self.gcp_conn_id}") from None


# https://cloud.google.com/bigquery/docs/error-messages : some of those come with the status of a refusal
_LATER = ("backendError", "internalError", "jobBackendError", "jobInternalError", "quotaExceeded", "rateLimitExceeded")


def _told(error: api.GoogleAPICallError) -> DrivetrainError:
    """What Google's error means, as one of ours."""
    reasons = {str(each.get("reason", "")) for each in error.errors if isinstance(each, dict)}
    if reasons.intersection(_LATER) or isinstance(error, api.ServerError | api.TooManyRequests):
        return UnavailableError(f"BigQuery: {_line(error)}")
    if isinstance(error, api.NotFound):
        return TargetMissingError(f"BigQuery: {_line(error)}: create it, or correct its name")
    if isinstance(error, api.Forbidden | api.Unauthorized):
        return AccessDeniedError(
            f"BigQuery: {_line(error)}: grant roles/bigquery.jobUser, roles/bigquery.readSessionUser, and "
            "roles/bigquery.dataEditor on the staging dataset"
        )
    return SourceError(f"BigQuery refused a query: {_line(error)}")


def _line(error: Exception) -> str:
    return " ".join(str(getattr(error, "message", "") or error).split())[:300]
