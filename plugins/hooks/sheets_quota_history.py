"""How Google's quota was used in the last quarter of an hour, read from where hooks.sheets_quota counts it."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from drivetrain.quota.ledger import CALL, LOW
from drivetrain.quota.port import Kind
from drivetrain.quota.usage import Counts, slots_of_interest, usages
from drivetrain.quota.windows import MICROSECONDS
from hooks.sheets_quota import PREFIX
from hooks.sheets_quota_look import look

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis import Redis

    from drivetrain.quota.limits import Limits
    from drivetrain.quota.usage import Usage

TIMEOUT_SECONDS = 2.0  # a page waits for it


def quota_history(redis_conn_id: str = "redis_default") -> list[Usage] | None:
    """Of every project and account that called within two hours; None: there is no shared count to look at.

    Raises:
        UnavailableError: Redis does not answer.
        FatalError: an extra of the connection is wrong.
    """
    return look(redis_conn_id, read_history, timeout_seconds=TIMEOUT_SECONDS)


def read_history(client: Redis, limits: Limits, *, prefix: str = PREFIX, now: float | None = None) -> list[Usage]:
    """See quota_history.

    Args:
        client: of Redis.
        limits: of Google.
        prefix: of the keys.
        now: seconds; None: Redis' own time, as callers go by it.

    Raises:
        RedisError: it does not answer.
    """
    if now is None:
        seconds, micros = client.time()
        moment = int(seconds) * MICROSECONDS + int(micros)
    else:
        moment = round(now * MICROSECONDS)
    names: dict[str, set[str]] = defaultdict(set)
    for key in client.scan_iter(match=f"{prefix}:{{*}}:*", count=1_000):
        project, _, name = key.removeprefix(f"{prefix}:{{").partition("}:")
        names[project].add(name)
    found = []
    for project in sorted(names):
        counts = _counts(client, f"{prefix}:{{{project}}}:", names[project], limits, moment)
        found += usages(project, counts, limits, moment)
    return found


def _counts(client: Redis, base: str, names: set[str], limits: Limits, now: int) -> Counts:
    slots = slots_of_interest(now, round(limits.window_seconds * MICROSECONDS))
    known = [slot for slot in slots if f"seen:{slot}" in names]
    logs = sorted(name for name in names if name.partition(":")[0] in set(Kind))
    with client.pipeline(transaction=False) as pipeline:
        pipeline.hgetall(f"{base}brakes")
        for slot in known:
            pipeline.hgetall(f"{base}seen:{slot}")
        for log in logs:
            pipeline.zrange(f"{base}{log}", f"({now}", "+inf", byscore=True)
        brakes, *rest = pipeline.execute()
    counted, booked = rest[: len(known)], rest[len(known) :]
    return Counts(
        slots={slot: _whole(counts) for slot, counts in zip(known, counted, strict=True)},
        brakes=_whole(brakes),
        waiting={log: _waiting(entries) for log, entries in zip(logs, booked, strict=True)},
    )


def _waiting(entries: Sequence[str]) -> int:
    """Of a log's entries in the future those that somebody waits for; a kept call has two, and was let through."""
    return sum(entry[0] in {CALL, LOW} for entry in entries)


def _whole(counts: dict[str, str]) -> dict[str, int]:
    # Among the brakes is also the name of the account that was refused last.
    return {name: int(value) for name, value in counts.items() if value.lstrip("-").isdigit()}
