"""Requests for syncs: all become jobs that a worker believes, or none does."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest

from drivetrain.sheets.catalog import SyncFiles
from drivetrain.sheets.message import read_message
from drivetrain.sheets.request import PRIORITY, RequestRefusedError, SyncRequest, jobs_of
from tests.support.sheets import spec_file

if TYPE_CHECKING:
    from pathlib import Path

NOON = dt.datetime(2026, 11, 26, 12, tzinfo=dt.UTC)


@pytest.fixture
def syncs(tmp_path: Path) -> SyncFiles:
    spec_file(tmp_path, "leads", team="retail", attempts=7)
    spec_file(tmp_path, "stock", team="retail", target={"spreadsheet_id": "b" * 30, "tab": "Stock"})
    spec_file(tmp_path, "funnel", team="growth")
    spec_file(tmp_path, "broken", team="retail", mode="overwrite")
    return SyncFiles(tmp_path)


def request(*names: str, **changes: Any) -> SyncRequest:
    fields = {"team": "retail", "at": NOON, "request_id": "manual__2026", "requested_by": "asha: a call"} | changes
    return SyncRequest(syncs=names, **fields)


def test_each_sync_is_a_job_that_a_worker_takes_for_what_it_says(syncs: SyncFiles) -> None:
    leads, stock = jobs_of(request("leads", "stock"), syncs)
    assert (leads.attempts, leads.priority) == (7, PRIORITY)
    assert [job.group for job in (leads, stock)] == ["a" * 30, "b" * 30]
    for job, name in ((leads, "leads"), (stock, "stock")):
        message, sync = read_message(job, syncs)
        assert (message.sync, message.due_at, message.requested_by) == (name, NOON, "asha: a call")
        assert sync.spec.sync == name


def test_the_same_request_is_the_same_job_and_another_one_is_not(syncs: SyncFiles) -> None:
    (job,) = jobs_of(request("leads"), syncs)
    assert job == jobs_of(request("leads"), syncs)[0]
    assert job.key == request("leads").key("leads")
    (other,) = jobs_of(request("leads", request_id="ids of runs may hold ü, blanks and 250 characters " * 5), syncs)
    assert other.key != job.key
    assert len(other.key) < 100


def test_every_sync_that_is_in_the_way_is_named_and_nothing_is_queued(syncs: SyncFiles) -> None:
    with pytest.raises(RequestRefusedError) as caught:
        jobs_of(request("leads", "nobody", "funnel", "broken"), syncs)
    message = str(caught.value)
    assert message.startswith("nothing was queued: no sync is called nobody; funnel is growth's, not retail's; broken:")
    assert "mode" in message
    assert "\n" not in message


def test_who_asked_is_cut_to_what_a_message_takes(syncs: SyncFiles) -> None:
    (job,) = jobs_of(request("leads", requested_by="x" * 300), syncs)
    assert job.payload["requested_by"] == "x" * 200
