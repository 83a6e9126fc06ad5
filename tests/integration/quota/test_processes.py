"""Processes of several threads on one Valkey, in real time: never more than the limits, and Valkey may die."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from drivetrain.quota.limits import Limits
from tests.integration.quota.crowd import Crowd, worst
from tests.support.valkey import Valkey

if TYPE_CHECKING:
    from pathlib import Path

# Three accounts; a window is a second, and as long may a call be on its way on a busy machine.
SECOND = Limits(project_reads=60, account_reads=25, window_seconds=1, grace_seconds=1, keep_seconds=0.5)
PERIOD = SECOND.window_seconds + SECOND.grace_seconds


@pytest.mark.slow
def test_four_processes_of_eight_threads_never_exceed_a_limit_and_use_it(valkey: Valkey) -> None:
    calls = 4 * 60
    with (
        valkey.client() as client,
        Crowd(4, port=valkey.port, limits=SECOND, threads=8, accounts=3, in_redis=True) as crowd,
    ):
        seen, last, deadline = [], "0", time.monotonic() + 60
        while len(seen) < calls:
            assert time.monotonic() < deadline
            for _, some in client.xread({"calls": last}, block=5_000, count=1000):
                seen += [(int(at.partition("-")[0]) / 1000, fields["account"]) for at, fields in some]
                last = some[-1][0]
        assert crowd.end() == [0] * 4
        every = [(int(at.partition("-")[0]) / 1000, fields["account"]) for at, fields in client.xrange("calls")]
    for account in ("sync-0@project", "sync-1@project", "sync-2@project"):
        assert worst([at for at, who in every if who == account], 1) <= SECOND.account_reads
    assert worst([at for at, _ in every], 1) <= SECOND.project_reads
    least = (calls / SECOND.project_reads - 1) * PERIOD
    assert seen[-1][0] - seen[0][0] < 2 * least, "they got most of what they were allowed"


THIRDS = Limits(
    project_reads=21, account_reads=12, window_seconds=0.5, grace_seconds=0.5, keep_seconds=0.2, reserve_share=0
)


@pytest.mark.slow
def test_valkey_may_die_and_come_back_and_no_job_fails(tmp_path: Path) -> None:
    with (
        Valkey(tmp_path) as valkey,
        Crowd(3, port=valkey.port, limits=THIRDS, threads=4, accounts=2, in_redis=False) as crowd,
    ):
        crowd.each_says("call", 10)
        killed = time.monotonic()
        valkey.kill()
        crowd.each_says("log quota: Redis does not answer")
        crowd.each_says("call", 15)
        revived = time.monotonic()
        valkey.start()
        crowd.each_says("log quota: Redis answers again")
        back = time.monotonic()
        crowd.each_says("call", 15)
        assert crowd.end() == [0] * 3
    calls = [
        (number, int(line.split()[1]) / 1e9, line.split()[2])
        for number, line in crowd.lines
        if line.startswith("call ")
    ]
    share = THIRDS.shared_by(3)
    alone = [call for call in calls if killed + 1 < call[1] < revived]
    for number in range(3):
        own = [call for call in alone if call[0] == number]
        assert own, "it went on"
        assert worst([at for _, at, _ in own], 0.5) <= share.project_reads
        for account in ("sync-0@project", "sync-1@project"):
            assert worst([at for _, at, who in own if who == account], 0.5) <= share.account_reads
    quiet = [at for _, at, _ in calls if at < killed], [at for _, at, _ in calls if at > back + 1]
    assert all(worst(each, 0.5) <= THIRDS.project_reads for each in quiet)
    # At the two changes nobody knows what the others have just done.
    assert worst([at for _, at, _ in calls], 0.5) <= 2 * THIRDS.project_reads
    assert sum(line.startswith("log quota: Redis does not answer") for _, line in crowd.lines) == 3, "each says it once"
