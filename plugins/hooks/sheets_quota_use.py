"""How much of Google's quota the last minute took, by the log of calls that hooks.sheets_quota keeps in Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drivetrain.alerts.facts import QuotaUse
from drivetrain.quota.limits import Scope
from drivetrain.quota.port import Kind, Priority
from drivetrain.quota.windows import MICROSECONDS
from hooks.sheets_quota import PREFIX
from hooks.sheets_quota_look import look

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis import Redis

    from drivetrain.quota.limits import Limits

TIMEOUT_SECONDS = 5.0  # nobody waits for a look, as a call does


def quota_use(redis_conn_id: str = "redis_default") -> Sequence[QuotaUse] | None:
    """Of every project and account that called lately; None: there is no shared count to look at.

    Raises:
        UnavailableError: Redis does not answer.
        FatalError: an extra of the connection is wrong.
    """
    return look(redis_conn_id, read_use, timeout_seconds=TIMEOUT_SECONDS)


def read_use(client: Redis, limits: Limits, prefix: str = PREFIX) -> list[QuotaUse]:
    """See quota_use. Calls that are booked for later don't count yet.

    Args:
        client: of Redis. Its own time counts, as for those who book.
        limits: of Google.
        prefix: of the keys.

    Raises:
        RedisError: it does not answer.
    """
    seconds, micros = client.time()
    now = int(seconds) * MICROSECONDS + int(micros)
    since = now - round(limits.window_seconds * MICROSECONDS)
    uses = []
    for key in sorted(client.scan_iter(match=f"{prefix}:{{*}}:*", count=1_000)):
        project, _, name = key.removeprefix(f"{prefix}:{{").partition("}:")
        kind, _, account = name.partition(":")
        if kind not in set(Kind):
            continue  # brakes
        scope = Scope.ACCOUNT if account else Scope.PROJECT
        calls = int(client.zcount(key, f"({since}", now))
        uses.append(QuotaUse(project, account, kind, calls, limits.allowed(Kind(kind), scope, Priority.NORMAL)))
    return uses
