"""A job as a message of attributes and a body, for brokers. Anybody may publish, so nothing is believed that is read.

The body is the payload as a JSON object; all else is in the attributes, so that brokers can filter by it.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import orjson

from drivetrain.errors import FatalError, LimitError
from drivetrain.jobs.queue import DeadLetter, Job

if TYPE_CHECKING:
    from collections.abc import Mapping

_NEEDED = ("key", "group", "kind")
_TIMES = ("deadline", "not_before")
_ATTRIBUTES = frozenset({*_NEEDED, *_TIMES, "priority", "attempts"})
_DEAD = "dead_"
_INFRASTRUCTURE = "goog"  # Google's own attributes, which nobody else may publish

# Of one attribute, https://cloud.google.com/pubsub/quotas#resource_limits
_MAX_VALUE_BYTES = 1_024
_MAX_ATTRIBUTES = 100
# Far below what a message may have, so that a dead letter, which has a little more, always fits.
_MAX_BODY_BYTES = 1_000_000
# Of a message that nobody can read only the beginning is kept: for people to see where it came from.
_MAX_MALFORMED_BYTES = 100_000


class MalformedJobError(FatalError):
    """A message that is no job, whoever tries how often."""


def encode(job: Job) -> tuple[bytes, dict[str, str]]:
    """Body and attributes of a job.

    Raises:
        LimitError: the payload is too large.
    """
    attributes = {
        "key": job.key,
        "group": job.group,
        "kind": job.kind,
        "priority": str(job.priority),
        "attempts": str(job.attempts),
    }
    for name in _TIMES:
        if (at := getattr(job, name)) is not None:
            attributes[name] = at.isoformat()
    body = orjson.dumps(dict(job.payload))
    if len(body) > _MAX_BODY_BYTES:
        raise LimitError(f"job {job.key}: payload: {len(body)} bytes are more than {_MAX_BODY_BYTES}")
    return body, attributes


def decode(body: bytes, attributes: Mapping[str, str], *, kind: str) -> Job:
    """The job of a message.

    Args:
        body: as published, by us or by others.
        attributes: likewise.
        kind: the only one that is wanted.

    Raises:
        MalformedJobError: the message names what is wrong; it is one line.
    """
    given = {name: value for name, value in attributes.items() if not name.startswith(_INFRASTRUCTURE)}
    for name in _NEEDED:
        if name not in given:
            raise MalformedJobError(f"attribute {name} is missing")
    if unknown := sorted(given.keys() - _ATTRIBUTES):
        raise MalformedJobError(f"attribute {unknown[0]!r:.80} is not known: {', '.join(sorted(_ATTRIBUTES))} are")
    if given["kind"] != kind:
        raise MalformedJobError(f"attribute kind: {given['kind']!r:.80} is not {kind}, the only kind of this queue")
    try:
        return Job(
            key=given["key"],
            group=given["group"],
            kind=kind,
            payload=_payload(body),
            priority=_integer("priority", given.get("priority", "0")),
            attempts=_integer("attempts", given.get("attempts", "5")),
            **{name: _time(name, given[name]) for name in _TIMES if name in given},
        )
    except ValueError as error:
        raise MalformedJobError(" ".join(str(error).split())) from None


def encode_dead(
    body: bytes, attributes: Mapping[str, str], *, reason: str, attempts: int, at: dt.datetime, malformed: bool = False
) -> tuple[bytes, dict[str, str]]:
    """A message that is given up, as it goes to the dead letters: itself, and why.

    Args:
        body: as it came.
        attributes: as they came.
        reason: one line; what exceeds an attribute's length is cut.
        attempts: how often it was tried.
        at: now.
        malformed: it is nobody's job: what is too large of it is cut.
    """
    kept = {name: value for name, value in attributes.items() if not name.startswith((_INFRASTRUCTURE, _DEAD))}
    if malformed:
        body = body[:_MAX_MALFORMED_BYTES]
        kept = dict(sorted(kept.items())[: _MAX_ATTRIBUTES - 3])
    dead = {"reason": _short(reason), "attempts": str(attempts), "at": at.isoformat()}
    return body, kept | {_DEAD + name: value for name, value in dead.items()}


def decode_dead(body: bytes, attributes: Mapping[str, str], *, kind: str, published_at: dt.datetime) -> DeadLetter:
    """A dead letter, however odd it is.

    Args:
        body: as it came.
        attributes: as they came.
        kind: where it names none.
        published_at: stands in for the time of its burial, if that can't be read.
    """
    try:
        payload: dict[str, Any] = _payload(body)
    except ValueError:
        payload = {"body": body[:1_000].decode("utf-8", "replace")}
    try:
        attempts = int(attributes.get(_DEAD + "attempts", "0"))
        buried_at = _time(_DEAD + "at", attributes.get(_DEAD + "at", ""))
    except ValueError:
        attempts, buried_at = 0, published_at
    return DeadLetter(
        key=attributes.get("key", ""),
        group=attributes.get("group", ""),
        kind=attributes.get("kind", kind),
        payload=payload,
        reason=attributes.get(_DEAD + "reason", "it came to the dead letters without a reason"),
        attempts=attempts,
        buried_at=buried_at,
    )


def revived(attributes: Mapping[str, str]) -> dict[str, str]:
    """A dead letter's attributes as they were."""
    return {name: value for name, value in attributes.items() if not name.startswith((_INFRASTRUCTURE, _DEAD))}


def _payload(body: bytes) -> dict[str, Any]:
    if len(body) > _MAX_BODY_BYTES:
        raise ValueError(f"the body has {len(body)} bytes, more than {_MAX_BODY_BYTES}")
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"the body is not JSON: {error}") from None
    if not isinstance(payload, dict):
        raise ValueError(f"the body is JSON, but no object: {payload!r:.80}")  # noqa: TRY004 - of a message, not a call
    return payload


def _integer(name: str, text: str) -> int:
    # int() would take " 7 ", "1_000" and the digits of every script.
    if not text.isascii() or not text.removeprefix("-").isdigit() or len(text) > 10:
        raise ValueError(f"attribute {name}: {text!r:.80} is no whole number")
    return int(text)


def _time(name: str, text: str) -> dt.datetime:
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"attribute {name}: {text!r:.80} is no ISO 8601 time") from None


def _short(text: str) -> str:
    return text.encode("utf-8", "replace")[:_MAX_VALUE_BYTES].decode("utf-8", "ignore")
