"""Folders of this machine, and buckets on a server that speaks Google Cloud Storage's API."""

from __future__ import annotations

import io
import os
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client

from drivetrain.errors import AccessDeniedError, FatalError, RequestRejectedError, TargetMissingError, UnavailableError
from hooks.file_stores import Folder, GcsBucket, file_store
from standins.gcs.testing import GcsStandin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drivetrain.cleanup.files import FileStore

NOBODY = 65534


@pytest.fixture(scope="module")
def gcs() -> Iterator[Client]:
    """A server of its own with the bucket `logs`."""
    with GcsStandin() as server:
        client = server.client()
        client.create_bucket("logs")
        yield client
        client.close()


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> FileStore:
    if request.param == "folder":
        return Folder(tmp_path / "root")
    client: Client = request.getfixturevalue("gcs")
    return GcsBucket("logs", f"airflow/{request.node.name}", client=client)


def put(store: FileStore, *names: str, content: bytes = b"line\n") -> None:
    for name in names:
        store.write(name, io.BytesIO(content))


def names(store: FileStore) -> list[str]:
    return sorted(file.name for file in store.files())


def test_files_are_found_with_their_sizes_and_times(store: FileStore) -> None:
    assert names(store) == []
    put(store, "dag_id=a/run_id=r/task_id=t/attempt=1.log", "b.log")
    (first, second) = sorted(store.files(), key=lambda file: file.name)
    assert (first.name, first.size) == ("b.log", 5)
    assert second.name == "dag_id=a/run_id=r/task_id=t/attempt=1.log"
    assert abs(datetime.now(UTC) - first.modified) < timedelta(minutes=1)


def test_those_that_are_given_go_and_are_told(store: FileStore) -> None:
    put(store, *(f"dag_id=a/run_id=r/{number}.log" for number in range(150)), "dag_id=b/keep.log")
    going = [file for file in store.files() if file.name.startswith("dag_id=a/")]
    assert len(store.delete(going)) == 150
    assert names(store) == ["dag_id=b/keep.log"]
    assert store.delete(going) == [], "gone is gone"


def test_a_file_is_never_replaced(store: FileStore) -> None:
    put(store, "runs/a.gz", content=b"first")
    with pytest.raises(RequestRejectedError, match=r"runs/a\.gz: there is .* of that name"):
        put(store, "runs/a.gz", content=b"second")
    assert [file.size for file in store.files()] == [5]


def test_a_page_after_the_other_comes_from_a_bucket(gcs: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hooks.file_stores._PAGE", 10)
    store = GcsBucket("logs", "pages", client=gcs)
    put(store, *(f"{number}.log" for number in range(25)))
    assert len(list(store.files())) == 25


def test_what_lies_beside_the_prefix_stays_unseen(gcs: Client) -> None:
    put(GcsBucket("logs", "team", client=gcs), "a.log")
    put(GcsBucket("logs", "team-2", client=gcs), "b.log")
    assert names(GcsBucket("logs", "team", client=gcs)) == ["a.log"]


def test_a_bucket_that_is_missing_or_a_server_that_is_away_is_said(gcs: Client) -> None:
    with pytest.raises(TargetMissingError, match="gs://nowhere/: no such bucket"):
        list(GcsBucket("nowhere", client=gcs).files())
    away = Client(
        project="test", credentials=AnonymousCredentials(), client_options={"api_endpoint": "http://127.0.0.1:9"}
    )
    with pytest.raises(UnavailableError, match="gs://logs/x/"):
        put(GcsBucket("logs", "x", client=away), "a.log")


def test_a_log_that_was_written_again_since_it_was_seen_stays(tmp_path: Path) -> None:
    store = Folder(tmp_path)
    put(store, "a.log", "b.log")
    seen = list(store.files())
    later = time.time() + 5
    os.utime(tmp_path / "a.log", (later, later))
    assert [file.name for file in store.delete(seen)] == ["b.log"]
    assert names(store) == ["a.log"]


def test_empty_folders_go_up_to_those_of_the_dags_and_links_are_left_alone(tmp_path: Path) -> None:
    store = Folder(tmp_path)
    put(store, "dag_id=a/run_id=1/task_id=t/attempt=1.log", "dag_id=a/run_id=2/task_id=t/attempt=1.log", "top.log")
    (tmp_path / "outside").mkdir()
    (tmp_path / "dag_id=a" / "latest").symlink_to(tmp_path / "outside")
    (tmp_path / "outside" / "precious.txt").write_text("x")
    first = [file for file in store.files() if "run_id=1" in file.name]
    store.delete(first)
    assert sorted(path.name for path in (tmp_path / "dag_id=a").iterdir()) == ["latest", "run_id=2"]
    assert names(store) == ["dag_id=a/run_id=2/task_id=t/attempt=1.log", "outside/precious.txt", "top.log"]
    store.delete(list(store.files()))
    assert (tmp_path / "dag_id=a").is_dir()
    assert not (tmp_path / "dag_id=a" / "run_id=2").exists()


def test_a_file_whose_content_ends_in_an_error_is_not_there(tmp_path: Path) -> None:
    class Broken(io.BytesIO):
        def read(self, *_: object) -> bytes:
            raise OSError("the disk is full")

    with pytest.raises(UnavailableError):
        Folder(tmp_path).write("runs/a.gz", Broken())
    assert names(Folder(tmp_path)) == []


@pytest.fixture
def nobodys_folder() -> Iterator[Path]:
    """A folder of a user whom permissions stop; root, who may write everywhere, is that user meanwhile."""
    user = os.geteuid()
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders let nobody in but their user
        if user == 0:
            os.chown(name, NOBODY, NOBODY)
            os.seteuid(NOBODY)
        yield Path(name)
        os.seteuid(user)


def test_a_folder_that_is_not_ours_is_said(nobodys_folder: Path) -> None:
    store = Folder(nobodys_folder)
    put(store, "a/b.log")
    (nobodys_folder / "a").chmod(0o500)
    with pytest.raises(AccessDeniedError, match="let Airflow's user write there"):
        store.delete(list(store.files()))


def test_a_place_of_another_kind_is_refused(tmp_path: Path) -> None:
    assert names(file_store(tmp_path.as_uri())) == []
    with pytest.raises(FatalError, match="s3://bucket/logs: only file:// and gs:// are known here"):
        file_store("s3://bucket/logs")
