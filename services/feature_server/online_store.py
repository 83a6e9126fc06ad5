"""Reads hashes out of Redis: one round trip for all entities of a request."""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import TYPE_CHECKING, Any

import hiredis
from redis import asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from drivetrain.errors import UnavailableError
from services.feature_server.redis_line import RedisLine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from drivetrain.features.serving import Plan
    from services.feature_server.request_span import RequestSpan
    from services.feature_server.settings import Settings


class OnlineStore:
    """The online store of one process."""

    def __init__(self, settings: Settings) -> None:
        password = settings.redis_password
        self._timeout = settings.redis_timeout_seconds
        # What it makes is taken over: it says how one is to be made, with TLS, user and database.
        self._pool = redis.ConnectionPool.from_url(
            settings.redis_url,
            password=password.get_secret_value() if password else None,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )
        self._line: RedisLine | None = None
        self._opening: asyncio.Task[RedisLine] | None = None

    async def read(
        self, plan: Plan, entities: Mapping[str, Sequence[Any]], span: RequestSpan | None = None
    ) -> list[list[Sequence[bytes | None]]]:
        """By group of the plan, each entity's fields; span: of the request, if it is recorded.

        Raises:
            RequestRefusedError: a value is not what its join key says.
            UnavailableError: Redis does not answer in time, or not as it should.
        """
        keys = [group.keys(entities) for group in plan.groups]
        different = [list(dict.fromkeys(one)) for one in keys]  # many cars have one dealer
        sent = b"".join(group.read(key) for group, one in zip(plan.groups, different, strict=True) for key in one)
        count = sum(map(len, different))
        if span is None:
            answers = await self._ask(sent, count)
        else:
            with span.redis(count, {group.operation for group in plan.groups}):
                answers = await self._ask(sent, count)
        each = iter(answers)
        found = []
        for group, one in zip(plan.groups, different, strict=True):
            found.append(dict(zip(one, group.rows(list(islice(each, len(one)))), strict=True)))
        return [[rows[key] for key in one] for rows, one in zip(found, keys, strict=True)]

    async def ping(self) -> None:
        """Raises UnavailableError where Redis does not answer."""
        await self._ask(b"*1\r\n$4\r\nPING\r\n", 1)

    async def close(self) -> None:
        """Close the connection."""
        if self._line is not None:
            self._line.close()

    async def _ask(self, sent: bytes, answers: int) -> list[Any]:
        line = self._line
        try:
            if line is None or not line.is_usable:
                line = await self._opened()
            found = await line.ask(sent, answers)
            for answer in found:
                if isinstance(answer, hiredis.ReplyError):
                    raise answer
        except (OSError, RedisError) as error:  # asyncio's TimeoutError is one of the former
            why = str(error) or f"no answer within {self._timeout:g} s"
            raise UnavailableError(f"the online store can't be reached: {why}") from None
        except hiredis.ReplyError as error:
            raise UnavailableError(f"the online store does not answer: {error}") from None
        return found

    async def _opened(self) -> RedisLine:
        """A line that can be used; all who need one wait for the same."""
        if self._opening is None or self._opening.done():
            self._opening = asyncio.create_task(self._open())
        return await asyncio.shield(self._opening)

    async def _open(self) -> RedisLine:
        connection = self._pool.make_connection()  # type: ignore[no-untyped-call]  # redis gives it no types
        try:
            async with asyncio.timeout(self._timeout):
                await connection.connect()
            self._line = RedisLine(connection, self._timeout)
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        return self._line
