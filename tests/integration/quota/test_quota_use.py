"""How much of the quota is used, as the health check sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from drivetrain.alerts.facts import QuotaUse
from drivetrain.errors import UnavailableError
from drivetrain.quota.limits import Limits
from drivetrain.quota.port import Kind
from hooks.sheets_quota import RedisQuota, redis_client
from hooks.sheets_quota_use import quota_use, read_use

if TYPE_CHECKING:
    from tests.support.valkey import Valkey

ONE, TWO = "sync-1@project.iam.gserviceaccount.com", "sync-2@project.iam.gserviceaccount.com"


def test_calls_of_the_last_minute_are_counted_by_project_and_account(valkey: Valkey) -> None:
    quota = RedisQuota(redis_client(host="127.0.0.1", port=valkey.port, timeout_seconds=5), Limits())
    for account, calls in ((ONE, 3), (TWO, 2)):
        for _ in range(calls):
            quota.take(Kind.WRITE, account)
    quota.refused(Kind.WRITE, ONE, retry_after_seconds=1)
    project = "project.iam.gserviceaccount.com"
    with valkey.client() as client:
        assert read_use(client, Limits()) == [
            QuotaUse(project, "", "write", 5, 240),
            QuotaUse(project, ONE, "write", 3, 48),
            QuotaUse(project, TWO, "write", 2, 48),
        ]


def test_where_nothing_is_shared_there_is_nothing_to_see_and_where_redis_is_away_it_is_said(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert quota_use("no_such_connection") is None
    monkeypatch.setenv("AIRFLOW_CONN_REDIS_HERE", f"redis://127.0.0.1:{valkey.port}")
    assert quota_use("redis_here") == []
    monkeypatch.setenv("AIRFLOW_CONN_REDIS_AWAY", "redis://127.0.0.1:1")
    with pytest.raises(UnavailableError, match="connection redis_away: Redis does not answer"):
        quota_use("redis_away")
