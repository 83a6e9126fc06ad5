"""Finding the server, and what the official client gets from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from google.api_core.exceptions import PreconditionFailed

from standins.gcs.program import gcs_program
from standins.gcs.testing import GcsStandin

if TYPE_CHECKING:
    from pathlib import Path


def test_it_is_found_where_the_variable_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DRIVETRAIN_GCS_PROGRAM", str(tmp_path / "fake-gcs-server"))
    assert gcs_program() == tmp_path / "fake-gcs-server"


def test_what_is_missing_is_named_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DRIVETRAIN_GCS_PROGRAM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="run `make venv`, or set DRIVETRAIN_GCS_PROGRAM"):
        gcs_program(tmp_path)


def test_an_object_is_written_once_read_and_gone_with_the_server() -> None:
    with GcsStandin() as server:
        bucket = server.client().create_bucket("logs")
        blob = bucket.blob("a/b.log")
        blob.upload_from_string("line\n", if_generation_match=0)
        with pytest.raises(PreconditionFailed):
            blob.upload_from_string("other\n", if_generation_match=0)
        assert [one.name for one in bucket.list_blobs(prefix="a/")] == ["a/b.log"]
        assert blob.download_as_bytes() == b"line\n"
        server.stop()
        server.start()
        assert not server.client().bucket("logs").exists()
