"""Reads hashes out of Redis: one round trip for all entities of a request."""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import TYPE_CHECKING, Any

from redis import asyncio as redis
from redis.exceptions import RedisError

from drivetrain.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from drivetrain.features.serving import Plan
    from services.feature_server.request_span import RequestSpan
    from services.feature_server.settings import Settings


class OnlineStore:
    """The online store of one process.

    A connection is taken for a request and given back. One whose answers did not all come is closed: what comes late
    would be taken for the next request's.
    """

    def __init__(self, settings: Settings) -> None:
        password = settings.redis_password
        self._timeout = settings.redis_timeout_seconds
        self._pool = redis.BlockingConnectionPool.from_url(
            settings.redis_url,
            password=password.get_secret_value() if password else None,
            max_connections=settings.redis_connections,
            timeout=self._timeout,
            socket_connect_timeout=self._timeout,
            protocol=2,
        )

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
        """Close all connections."""
        await self._pool.aclose()

    async def _ask(self, sent: bytes, answers: int) -> list[Any]:
        try:
            connection = await self._pool.get_connection()  # type: ignore[no-untyped-call]  # redis gives it no types
        except (RedisError, OSError, TimeoutError) as error:
            raise UnavailableError(f"the online store can't be reached: {error}") from None
        is_whole = False
        try:
            async with asyncio.timeout(self._timeout):
                await connection.send_packed_command(sent)
                # The connection's own read_response has a clock for each answer, which takes as long as reading it.
                read = connection._parser.read_response
                found = [await read(disable_decoding=True) for _ in range(answers)]
            for answer in found:
                if isinstance(answer, RedisError):
                    raise answer
            is_whole = True
        except (RedisError, OSError, TimeoutError) as error:
            why = str(error) or f"no answer within {self._timeout:g} s"
            raise UnavailableError(f"the online store does not answer: {why}") from None
        finally:
            if not is_whole:
                await connection.disconnect(nowait=True)
            await self._pool.release(connection)
        return found
