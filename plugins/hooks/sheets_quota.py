"""Google Sheets' quota, shared by all processes and pods through Redis.

Google counts reads and writes, per project and per account: https://developers.google.com/workspace/sheets/api/limits .
What is decided, and why no window gets more than its limit, is in drivetrain.quota.windows; here it is done where all
can see it. Where Redis is away, each process goes on with its safe share and tells Redis about its calls afterwards.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.retry import Retry

from drivetrain.errors import FatalError
from drivetrain.quota.ledger import Answer, Ticket, Times, fitted, log_names
from drivetrain.quota.limits import Limits, project_of
from drivetrain.quota.local import LocalBook
from drivetrain.quota.port import Kind, Priority, Unlimited
from drivetrain.quota.waiting import PATIENCE_SECONDS, WaitingQuota
from drivetrain.quota.windows import MICROSECONDS
from hooks import sheets_quota_scripts as scripts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow.sdk import Connection

    from drivetrain.quota.port import Quota

T = TypeVar("T")

log = logging.getLogger(__name__)

PREFIX = "drivetrain:quota"
TIMEOUT_SECONDS = 0.2
LOOK_AGAIN_SECONDS = 3.0
PROCESSES = 8
# Longer than any patience, window and pause together, so that no key goes while it is needed.
_EXPIRY_MS = 2 * 3600 * 1000
_LONGEST_PATIENCE_SECONDS = 1800
_TLS = ("ssl", "ssl_cert_reqs", "ssl_ca_certs", "ssl_keyfile", "ssl_certfile", "ssl_check_hostname")


@dataclass(frozen=True)
class QuotaConnection:
    """What an Airflow connection of type redis says, read once.

    The Redis provider's own hook is not used since its client takes no time-outs: a job would hang where Redis does.

    Attributes:
        client: arguments of redis.Redis.
        limits: extra `sheets_quota`: any of Limits' attributes.
        processes: extra `sheets_quota_processes`: how many processes may share the quota while Redis is away.
    """

    client: Mapping[str, Any]
    limits: Limits
    processes: int

    @staticmethod
    def parse(connection: Connection) -> QuotaConnection:
        """Read the fields and the extras.

        Raises:
            FatalError: an extra is unknown or wrong, by its name.
        """
        extra = dict(connection.extra_dejson)
        where = f"connection {connection.conn_id}"
        limits = Limits.parse(extra.pop("sheets_quota", {}), where=f"{where}: sheets_quota")
        processes = extra.pop("sheets_quota_processes", PROCESSES)
        if not isinstance(processes, int) or processes < 1:
            raise FatalError(f"{where}: sheets_quota_processes: {processes!r} is not a number from 1 on")
        if extra.pop("cluster", False):
            raise FatalError(f"{where}: cluster: the quota needs a single Redis or a proxy before the cluster")
        client = {name: extra.pop(name) for name in _TLS if name in extra}
        client |= {
            "host": connection.host or "localhost",
            "port": connection.port or 6379,
            "db": int(extra.pop("db", None) or 0),
            "username": connection.login or None,
            "password": connection.password or None,
        }
        extra.pop("startup_nodes", None)
        if extra:
            raise FatalError(f"{where}: unknown extra {', '.join(sorted(extra))}: remove it")
        return QuotaConnection(client, limits, processes)


def redis_client(*, timeout_seconds: float = TIMEOUT_SECONDS, **fields: Any) -> Redis:
    """A client that gives up soon. A connection that a restart has closed is opened again once."""
    return Redis(
        **fields,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
        protocol=2,
        decode_responses=True,
    )


class RedisQuota(WaitingQuota):
    """A Quota for all processes that use one Redis.

    Args:
        client: of Redis, with short time-outs: see redis_client.
        limits: of Google.
        processes: how many share them at most; each one's part is what it goes on with where Redis is away.
        patience_seconds: the longest wait.
        prefix: of the keys; the project follows it.
        look_again_seconds: how often Redis is tried while it is away.
        clock: seconds for all; None: Redis' own time, so that pods' clocks do not matter.
        sleep: how to wait.
    """

    def __init__(
        self,
        client: Redis,
        limits: Limits | None = None,
        *,
        processes: int = PROCESSES,
        patience_seconds: float = PATIENCE_SECONDS,
        prefix: str = PREFIX,
        look_again_seconds: float = LOOK_AGAIN_SECONDS,
        clock: Callable[[], float] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if patience_seconds > _LONGEST_PATIENCE_SECONDS:
            raise ValueError(f"patience_seconds: {patience_seconds} is more than {_LONGEST_PATIENCE_SECONDS}")
        limits, here = limits or Limits(), clock or time.monotonic
        book = SharedBook(
            RedisBook(client, limits, prefix=prefix, clock=clock),
            LocalBook(limits.shared_by(processes), here),
            look_again_seconds=look_again_seconds,
            clock=here,
        )
        super().__init__(limits, book, patience_seconds=patience_seconds, clock=here, sleep=sleep)

    @staticmethod
    def of(redis_conn_id: str = "redis_default", *, limits: Limits | None = None, **options: Any) -> RedisQuota:
        """By an Airflow connection of type redis. One for a process is enough, for all its threads and accounts.

        Args:
            redis_conn_id: see QuotaConnection for its extras.
            limits: instead of the connection's.
            options: of RedisQuota.

        Raises:
            FatalError: an extra of the connection is wrong.
        """
        settings = QuotaConnection.parse(BaseHook.get_connection(redis_conn_id))
        options = {"processes": settings.processes} | options
        return RedisQuota(redis_client(**settings.client), limits or settings.limits, **options)


@lru_cache(maxsize=8)
def shared_quota(redis_conn_id: str = "redis_default") -> Quota:
    """The quota that all processes of this installation share, one object for each of them.

    Without such a connection nothing is shared and nothing waits: Google's own refusals are the limit.
    """
    try:
        return RedisQuota.of(redis_conn_id)
    except AirflowNotFoundException:
        return Unlimited()


class RedisBook:
    """Books calls in Redis. Every method may raise RedisError.

    Args:
        client: of Redis.
        limits: of Google.
        prefix: of the keys.
        clock: None: Redis' own.
    """

    def __init__(self, client: Redis, limits: Limits, *, prefix: str, clock: Callable[[], float] | None) -> None:
        self._client, self._limits, self._times = client, limits, Times.of(limits)
        self._prefix, self._clock = prefix, clock
        self._ask, self._spend = client.register_script(scripts.ASK), client.register_script(scripts.SPEND)
        self._refused, self._recall = client.register_script(scripts.REFUSED), client.register_script(scripts.RECALL)

    def ask(self, ticket: Ticket, patience: int, *, again: bool) -> Answer:
        """See Book."""
        ticket = fitted(ticket, self._limits)
        times, account = self._times, ticket.account
        pushes = ticket.priority is not Priority.LOW
        keys = [self._key(account, "brakes")]
        arguments: list[str | int] = [times.window, times.grace, times.keep, patience, ticket.id, ticket.mark]
        arguments += [int(again), int(pushes)]
        for kind, count in ticket.needs.items():
            for scope, name in log_names(kind, account).items():
                keys.append(self._key(account, name))
                arguments += [name, self._limits.allowed(kind, scope, ticket.priority), count]
        wait, is_booked = self._ask(keys=keys, args=[*self._head(), *arguments])
        return Answer(int(wait), is_booked=bool(is_booked), ticket=ticket)

    def spend(self, ticket: Ticket, kind: Kind, index: int) -> bool:
        """See Book."""
        keys = [self._key(ticket.account, name) for name in log_names(kind, ticket.account).values()]
        return bool(self._spend(keys=keys, args=[*self._head(), self._times.keep, f"{ticket.id}:{index}"]))

    def give_back(self, ticket: Ticket, left: Mapping[Kind, int]) -> None:
        """See Book."""
        with self._client.pipeline(transaction=False) as pipeline:
            for kind, count in left.items():
                entries = ticket.entries(kind)[:count]
                ends = [f"e{entry[1:]}" for entry in entries] if ticket.keep else []
                for name in log_names(kind, ticket.account).values():
                    pipeline.zrem(self._key(ticket.account, name), *entries, *ends)
            pipeline.execute()

    def refused(self, kind: Kind, account: str, retry_after: int | None) -> None:
        """See Book."""
        asked = -1 if retry_after is None else retry_after
        names = log_names(kind, account)
        arguments: list[str | int] = [*self._head(), self._times.window, asked, account, *reversed(names.values())]
        self._refused(keys=[self._key(account, "brakes")], args=arguments)

    def recall(self, project: str, name: str, ages: Mapping[str, int]) -> None:
        """Enter calls that were made without Redis, each with its age in microseconds."""
        pairs = [part for entry in ages.items() for part in entry]
        self._recall(keys=[self._key(project, name)], args=[*self._head(), *pairs])

    def _head(self) -> list[int]:
        return [-1 if self._clock is None else round(self._clock() * MICROSECONDS), _EXPIRY_MS]

    def _key(self, account: str, name: str) -> str:
        return f"{self._prefix}:{{{project_of(account)}}}:{name}"


class SharedBook:
    """Redis while it answers, this process' share while it does not.

    What Redis lets through is noted here too. So when it goes, a process that has just spent more than its share waits
    first; and when it is back, perhaps with nothing in its memory, it is told of the last minute's calls.
    """

    def __init__(
        self, shared: RedisBook, own: LocalBook, *, look_again_seconds: float, clock: Callable[[], float]
    ) -> None:
        self._shared, self._own, self._look_again_seconds, self._clock = shared, own, look_again_seconds, clock
        self._lock = threading.Lock()
        self._is_away, self._try_at = False, 0.0

    def ask(self, ticket: Ticket, patience: int, *, again: bool) -> Answer:
        """See Book."""
        try:
            answer = self._with_redis(lambda: self._shared.ask(ticket, patience, again=again))
        except _AwayError:
            return self._own.ask(ticket, patience)
        if answer.is_booked:
            self._own.note(answer.ticket, answer.wait)
        elif again:
            self._own.give_back(answer.ticket, answer.ticket.needs)
        return answer

    def spend(self, ticket: Ticket, kind: Kind, index: int) -> bool:
        """See Book."""
        here = self._own.spend(ticket, kind, index)
        try:
            return self._with_redis(lambda: self._shared.spend(ticket, kind, index))
        except _AwayError:
            return here

    def give_back(self, ticket: Ticket, left: Mapping[Kind, int]) -> None:
        """See Book."""
        self._own.give_back(ticket, left)
        self._quietly(lambda: self._shared.give_back(ticket, left))

    def refused(self, kind: Kind, account: str, retry_after: int | None) -> None:
        """See Book."""
        self._own.refused(kind, account, retry_after)
        self._quietly(lambda: self._shared.refused(kind, account, retry_after))

    def _quietly(self, do: Callable[[], None]) -> None:
        try:
            self._with_redis(do)
        except _AwayError:
            return

    def _with_redis(self, do: Callable[[], T]) -> T:
        was_away = self._is_away
        if was_away:
            with self._lock:
                if self._clock() < self._try_at:
                    raise _AwayError
                # One thread tries, the others go on without it.
                self._try_at = self._clock() + self._look_again_seconds
        try:
            if was_away:
                for project, name, ages in self._own.calls():
                    self._shared.recall(project, name, ages)
            answer = do()
        except RedisError as error:
            self._gone(error)
            raise _AwayError from error
        if was_away:
            self._back()
        return answer

    def _gone(self, error: RedisError) -> None:
        with self._lock:
            first, self._is_away = not self._is_away, True
            self._try_at = self._clock() + self._look_again_seconds
        if first:
            log.warning("quota: Redis does not answer (%s): going on with this process' share of it", error)

    def _back(self) -> None:
        with self._lock:
            first, self._is_away = self._is_away, False
        if first:
            log.info("quota: Redis answers again")


class _AwayError(Exception):
    """Redis is away."""
