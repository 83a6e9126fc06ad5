"""A process of several threads that call as fast as the quota lets them: python caller.py JSON.

Says on its output, a line each, when a call was made (by the machine's one monotonic clock) and what was logged. Ends
when its input does. Where a Sheets server is given, the calls are real ones to it.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drivetrain.quota.limits import Limits
from drivetrain.quota.port import Kind, Priority
from hooks.sheets_quota import RedisQuota, redis_client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def say(*words: object) -> None:
    # One write a line: threads would mix their parts.
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


class Said(logging.Handler):
    """Log records as lines."""

    def emit(self, record: logging.LogRecord) -> None:
        say("log", record.getMessage())


def plain_calls(quota: RedisQuota, account: str, port: int) -> Iterator[None]:
    """Calls of every priority in turn; each is entered into a stream of Redis, with Redis' time."""
    server = redis_client(host="127.0.0.1", port=port, timeout_seconds=10)
    while True:
        for priority in Priority:
            quota.take(Kind.READ, account, priority=priority)
            server.xadd("calls", {"account": account})
            yield


def timed_calls(quota: RedisQuota, account: str) -> Iterator[None]:
    """Calls that need no Redis."""
    while True:
        quota.take(Kind.READ, account)
        say("call", time.monotonic_ns(), account)
        yield


def sheet_calls(quota: RedisQuota, sheets: dict[str, Any], number: int) -> Iterator[None]:
    """A look and a write, again and again."""
    from drivetrain.retry import RetryPolicy
    from hooks.google_sheets import http_client
    from hooks.sheets_client import SheetsClient
    from tests.support.sheets import credentials_of

    credentials = credentials_of(Path(sheets["keyfiles"][number % len(sheets["keyfiles"])]))
    client = SheetsClient(
        http_client(sheets["url"])(credentials),
        account=credentials.service_account_email,
        connection="google_sheets_default",
        retry=RetryPolicy(attempts=1),
        quota=quota,
    )
    book = sheets["workbook"]
    while True:
        client.get_workbook(book, "spreadsheetId")
        client.read_values(book, ["Sheet1!A1:B2"])
        client.put_values(book, "Sheet1!A1", b'{"values":[[1]]}')
        say("round")
        yield


def main() -> None:
    logging.getLogger("hooks.sheets_quota").addHandler(Said())
    logging.getLogger("hooks.sheets_quota").setLevel(logging.INFO)
    asked = json.loads(sys.argv[1])
    quota = RedisQuota(
        redis_client(host="127.0.0.1", port=asked["port"], timeout_seconds=asked["timeout_seconds"]),
        Limits(**asked["limits"]),
        processes=asked["processes"],
        look_again_seconds=0.2,
    )
    ended = threading.Event()

    def calls_of(number: int) -> Iterator[None]:
        account = f"sync-{number % asked['accounts']}@project"
        if asked.get("sheets"):
            return sheet_calls(quota, asked["sheets"], number)
        return plain_calls(quota, account, asked["port"]) if asked["in_redis"] else timed_calls(quota, account)

    def run(calls: Callable[[int], Iterator[None]], number: int) -> None:
        try:
            for _ in calls(number):
                if ended.is_set():
                    return
        except BaseException:
            traceback.print_exc()
            os._exit(1)  # a job that fails fails the test

    threads = [threading.Thread(target=run, args=(calls_of, number)) for number in range(asked["threads"])]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    ended.set()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
