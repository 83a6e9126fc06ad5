"""A worker that leases all there is, says so, and then does nothing: to be killed.

Run as `python -m tests.support.dying_worker JSON`, see tests.support.jobs for what the JSON holds.
"""

from __future__ import annotations

import datetime as dt
import json
import signal
import sys

import sqlalchemy as sa

from drivetrain.jobs.postgres import PostgresQueue
from drivetrain.jobs.queue import JobQueue


def main() -> None:
    asked = json.loads(sys.argv[1])
    engine = sa.create_engine(asked["url"])
    if asked.get("pubsub"):
        from hooks.pubsub_client import PubSubClient
        from tests.support.jobs import pubsub_queue

        queue: JobQueue = pubsub_queue(engine, asked["kind"], PubSubClient())
    else:
        now = dt.datetime.fromisoformat(asked["now"])
        queue = PostgresQueue(engine, kind=asked["kind"], clock=lambda: now)
    held: list[str] = []
    while len(held) < asked["jobs"]:
        for lease in queue.lease(seconds=asked["seconds"], max_groups=100):
            held += [each.job.key for each in lease.deliveries]
    print(json.dumps(held), flush=True)
    signal.pause()


if __name__ == "__main__":
    main()
