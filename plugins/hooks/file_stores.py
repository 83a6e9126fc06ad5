"""A folder or a bucket of Google Cloud Storage, as drivetrain.cleanup.files.FileStore wants it."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import urlsplit

from google.api_core import exceptions as api
from google.auth.exceptions import GoogleAuthError, TransportError

from drivetrain.cleanup.files import File
from drivetrain.errors import (
    AccessDeniedError,
    CredentialsError,
    FatalError,
    RequestRejectedError,
    TargetMissingError,
    UnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from google.cloud.storage import Bucket, Client

    from drivetrain.cleanup.files import FileStore

_TIMEOUT_SECONDS = 60.0
_PAGE = 1_000  # https://cloud.google.com/storage/docs/json_api/v1/objects/list
_THREADS = 8


def file_store(url: str, *, gcp_conn_id: str = "google_cloud_default") -> FileStore:
    """The store at file:///<folder> or gs://<bucket>/<prefix>.

    Args:
        url: where.
        gcp_conn_id: for buckets.

    Raises:
        FatalError: another kind of place.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        return Folder(Path(parts.path))
    if parts.scheme == "gs":
        return GcsBucket(parts.netloc, parts.path.strip("/"), gcp_conn_id=gcp_conn_id)
    raise FatalError(f"{url}: only file:// and gs:// are known here: choose one of them, or clean it by its own rules")


class Folder:
    """A folder of this machine. Links are neither followed nor removed.

    Args:
        root: it may not exist yet.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def files(self) -> Iterator[File]:
        """Every file, without holding more than one folder's names in memory."""
        yield from self._below(str(self._root), "")

    def delete(self, files: Sequence[File]) -> list[File]:
        """Delete files, and the folders that are empty then, up to those of the DAGs."""
        gone = []
        for file in files:
            path = self._root / file.name
            with self._mapped(), suppress(FileNotFoundError):
                if path.stat().st_mtime_ns == int(file.version):
                    path.unlink()
                    gone.append(file)
        for folder in {(self._root / file.name).parent for file in gone}:
            self._remove_empty(folder)
        return gone

    def write(self, name: str, content: IO[bytes]) -> None:
        """Write beside it, to the disk, then under its name, which is also on the disk at the end."""
        path = self._root / name
        with self._mapped():
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".partial-") as partial:
                shutil.copyfileobj(content, partial)
                partial.flush()
                os.fsync(partial.fileno())
                try:
                    os.link(partial.name, path)  # refuses to replace one that is there, as rename would not
                except FileExistsError:
                    raise RequestRejectedError(f"{path}: there is a file of that name: choose another") from None
            for folder in path.parents[: len(path.relative_to(self._root).parts)]:
                _sync_folder(folder)

    def _below(self, folder: str, prefix: str) -> Iterator[File]:
        try:
            with os.scandir(folder) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except FileNotFoundError:
            return
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from self._below(entry.path, f"{prefix}{entry.name}/")
            elif entry.is_file(follow_symlinks=False):
                with suppress(FileNotFoundError):
                    seen = entry.stat(follow_symlinks=False)
                    modified = dt.datetime.fromtimestamp(seen.st_mtime, dt.UTC)
                    yield File(prefix + entry.name, seen.st_size, modified, str(seen.st_mtime_ns))

    def _remove_empty(self, folder: Path) -> None:
        # A task makes its own folders just before it writes: those of a DAG stay, so that none goes under its hands.
        while len(folder.relative_to(self._root).parts) > 1:
            try:
                folder.rmdir()
            except OSError:
                return
            folder = folder.parent

    @contextmanager
    def _mapped(self) -> Iterator[None]:
        try:
            yield
        except PermissionError as error:
            raise AccessDeniedError(f"{error.filename}: {error.strerror}: let Airflow's user write there") from None
        except OSError as error:
            raise UnavailableError(f"{error.filename or self._root}: {error.strerror}") from None


class GcsBucket:
    """A bucket of Google Cloud Storage, below a prefix.

    Args:
        name: of the bucket.
        prefix: of the objects' names, without a slash at its end; "": all of them.
        gcp_conn_id: a connection of type google_cloud_platform.
        client: another client than the connection's.
    """

    def __init__(
        self, name: str, prefix: str = "", *, gcp_conn_id: str = "google_cloud_default", client: Client | None = None
    ) -> None:
        self._name, self._prefix = name, f"{prefix}/" if prefix else ""
        self._gcp_conn_id, self._client = gcp_conn_id, client

    @cached_property
    def _bucket(self) -> Bucket:
        if self._client is None:
            from airflow.providers.google.cloud.hooks.gcs import GCSHook

            self._client = GCSHook(gcp_conn_id=self._gcp_conn_id).get_conn()
        return self._client.bucket(self._name)

    def files(self) -> Iterator[File]:
        """Every object, a page of names at a time."""
        with self._mapped():
            fields = "items(name,size,updated,generation),nextPageToken"
            for blob in self._bucket.list_blobs(
                prefix=self._prefix, page_size=_PAGE, fields=fields, timeout=_TIMEOUT_SECONDS
            ):
                yield File(blob.name.removeprefix(self._prefix), blob.size or 0, blob.updated, str(blob.generation))

    def delete(self, files: Sequence[File]) -> list[File]:
        """Delete objects, those generations of them only: a log that was written again meanwhile stays."""
        bucket = self._bucket  # made here, and not by several threads
        with ThreadPoolExecutor(_THREADS) as pool:
            gone = list(pool.map(lambda file: self._delete(bucket, file), files))
        return [file for file, is_gone in zip(files, gone, strict=True) if is_gone]

    def _delete(self, bucket: Bucket, file: File) -> bool:
        with self._mapped():
            try:
                # The library tries again by itself: https://cloud.google.com/storage/docs/retry-strategy
                blob = bucket.blob(self._prefix + file.name)
                blob.delete(if_generation_match=int(file.version), timeout=_TIMEOUT_SECONDS)
            except (api.NotFound, api.PreconditionFailed):
                return False
        return True

    def read(self, name: str) -> bytes:
        """An object, whole.

        Raises:
            TargetMissingError: there is no such object, or no such bucket.
        """
        with self._mapped(name):
            data: bytes = self._bucket.blob(self._prefix + name).download_as_bytes(timeout=_TIMEOUT_SECONDS)
            return data

    def write(self, name: str, content: IO[bytes]) -> None:
        """Upload it as one object; a finished upload is durable: https://cloud.google.com/storage/docs/consistency .

        Not repeated here: after a lost answer the object's name would be taken, by ourselves.
        """
        blob = self._bucket.blob(self._prefix + name)
        size = content.seek(0, os.SEEK_END)
        with self._mapped():
            try:
                blob.upload_from_file(
                    content,
                    rewind=True,
                    size=size,
                    if_generation_match=0,
                    checksum="crc32c",
                    timeout=_TIMEOUT_SECONDS,
                    retry=None,
                )
            except api.PreconditionFailed:
                raise RequestRejectedError(
                    f"gs://{self._name}/{self._prefix}{name}: there is an object of that name: choose another"
                ) from None

    def _mapped(self, name: str = "") -> AbstractContextManager[None]:
        where = f"gs://{self._name}/{self._prefix}{name}"
        return told_gcs(where, self._gcp_conn_id, missing="object" if name else "bucket")


@contextmanager
def told_gcs(where: str, gcp_conn_id: str, *, missing: str) -> Iterator[None]:
    """Google Cloud Storage's errors as ours.

    Args:
        where: gs://, for errors.
        gcp_conn_id: whose account asked.
        missing: what is not there where the answer is 404: a bucket, or an object.
    """
    try:
        yield
    except api.NotFound:
        raise TargetMissingError(f"{where}: no such {missing}: create it, or correct its name") from None
    except (api.Forbidden, api.Unauthorized) as error:
        raise AccessDeniedError(f"{where}: {error.message:.200}: grant roles/storage.objectAdmin") from None
    except (TransportError, OSError, api.ServerError, api.TooManyRequests, api.RetryError) as error:
        raise UnavailableError(f"{where}: {' '.join(str(error).split())[:200]}") from None
    except GoogleAuthError as error:
        raise CredentialsError(f"{where}: {error}: correct connection {gcp_conn_id}") from None
    except api.GoogleAPICallError as error:
        raise RequestRejectedError(f"{where}: {' '.join(str(error).split())[:200]}") from None


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
