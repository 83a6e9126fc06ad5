"""Alerts over HTTP: Slack's incoming webhooks, and signed JSON to any address."""

from __future__ import annotations

import hashlib
import hmac
import logging
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

import httpx
import orjson
from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from drivetrain.errors import AmbiguousWriteError, FatalError, QuotaExceededError, RetriableError, UnavailableError
from drivetrain.retry import RetryPolicy

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from airflow.sdk import Connection

    from drivetrain.alerts.notice import Notice

# It logs every address at INFO, and Slack's holds the secret.
logging.getLogger("httpx").setLevel(logging.WARNING)

RETRY = RetryPolicy(attempts=3, initial_wait_seconds=0.5, max_wait_seconds=5)
TIMEOUT_SECONDS = 10.0
SIGNATURE = "X-Drivetrain-Signature"
_SLACK_ROOT = "https://hooks.slack.com/services"
_SLACK_LINES = 20
# https://docs.slack.dev/changelog/2018-truncating-really-long-messages : text is cut at 40,000 characters
_SLACK_TEXT = 39_000


@dataclass(frozen=True)
class Target:
    """Where to post.

    Attributes:
        name: of the connection, for messages: the address may be a secret.
    """

    name: str
    url: str = field(repr=False)
    secret: str = field(repr=False)

    @staticmethod
    def of(connection: Connection, *, default_root: str = "") -> Target:
        """By an Airflow connection: host with its scheme, or schema and host; port; extra `path`.

        Raises:
            FatalError: the connection has no usable address.
        """
        where = f"connection {connection.conn_id}"
        host = (connection.host or default_root).strip()
        if not host:
            raise FatalError(f"{where}: host: missing, write https://… there")
        url = host if "://" in host else f"{connection.schema or 'https'}://{host}"
        try:
            parsed = httpx.URL(url)
            if connection.port:
                parsed = parsed.copy_with(port=connection.port)
        except httpx.InvalidURL:
            raise FatalError(f"{where}: host: not an address, write https://… there") from None
        if parsed.scheme not in {"http", "https"} or not parsed.host:
            raise FatalError(f"{where}: host: not an address, write https://… there")
        path = str(connection.extra_dejson.get("path") or "")
        return Target(connection.conn_id, join(str(parsed), path), connection.password or "")


def join(root: str, path: str) -> str:
    """An address and a path below it."""
    return f"{root.rstrip('/')}/{path.lstrip('/')}" if path else root


def post(target: Target, body: bytes, headers: Mapping[str, str], *, retry: RetryPolicy = RETRY) -> None:
    """Post JSON and believe only a 2xx.

    Raises:
        FatalError: the other side refuses it.
        RetriableError: it may not have it.
    """
    headers = {"Content-Type": "application/json", "User-Agent": "drivetrain-alerts"} | dict(headers)

    def once() -> None:
        where = f"connection {target.name}"
        try:
            answer = httpx.post(target.url, content=body, headers=headers, timeout=TIMEOUT_SECONDS, verify=_trust())
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise UnavailableError(f"{where}: no connection: {type(error).__name__}") from None
        except httpx.HTTPError as error:
            raise AmbiguousWriteError(f"{where}: no answer: {type(error).__name__}") from None
        if not answer.is_success:
            raise _refused(where, answer)

    retry.call(once)


@cache
def _trust() -> ssl.SSLContext:
    """The authorities that are trusted, read once: that takes longer than a post."""
    return httpx.create_ssl_context()


def _connection(conn_id: str) -> Connection:
    try:
        return BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        raise FatalError(f"connection {conn_id}: there is none: add it to Airflow") from None


def _refused(where: str, answer: httpx.Response) -> FatalError | RetriableError:
    said = " ".join(answer.text.split())[:200]
    message = f"{where}: HTTP {answer.status_code}: {said or answer.reason_phrase}"
    if answer.status_code in {429, 503}:
        asked = answer.headers.get("Retry-After", "")
        seconds = float(asked) if asked.isdecimal() else None
        kind = QuotaExceededError if answer.status_code == 429 else UnavailableError
        return kind(message, retry_after_seconds=seconds)
    if answer.status_code >= 500:
        return AmbiguousWriteError(message)
    return FatalError(f"{message}: correct the connection")


class SlackSender:
    """Slack's incoming webhooks: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks .

    Args:
        conn_id: of type slackwebhook or http: the password is the part of the address behind /services, or the whole
            address; host only where it is another server than Slack's.
        retry: for calls that are known to have had no effect.
    """

    def __init__(self, conn_id: str, *, retry: RetryPolicy = RETRY) -> None:
        self._conn_id, self._retry = conn_id, retry

    def send(self, notice: Notice) -> None:
        """See drivetrain.alerts.notice.Sender."""
        target = Target.of(_connection(self._conn_id), default_root=_SLACK_ROOT)
        if target.secret.startswith(("https://", "http://")):
            target = Target(target.name, target.secret, "")
        elif target.secret:
            target = Target(target.name, join(target.url, target.secret), "")
        post(target, orjson.dumps({"text": slack_text(notice)}), {}, retry=self._retry)


def slack_text(notice: Notice) -> str:
    """As Slack's markup, in which only three characters have to be escaped.

    https://docs.slack.dev/messaging/formatting-message-text
    """
    lines = [f"*{notice.headline}*", *(f"• {line}" for line in notice.lines(_SLACK_LINES))]
    text = "\n".join(lines)[:_SLACK_TEXT]
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class WebhookSender:
    """JSON, signed so that the receiver knows who sent it and when.

    The header is `t=<seconds>,v1=<hex>`: HMAC-SHA256 with the connection's password over `<seconds>.<body>`. Without a
    password nothing is signed.

    Args:
        conn_id: of type http.
        retry: for calls that are known to have had no effect.
    """

    def __init__(self, conn_id: str, *, retry: RetryPolicy = RETRY) -> None:
        self._conn_id, self._retry = conn_id, retry

    def send(self, notice: Notice) -> None:
        """See drivetrain.alerts.notice.Sender."""
        target = Target.of(_connection(self._conn_id))
        body = orjson.dumps(notice.document())
        at = int(notice.at.timestamp())
        headers = {SIGNATURE: f"t={at},v1={signature(target.secret, at, body)}"} if target.secret else {}
        post(target, body, headers, retry=self._retry)


def signature(secret: str, at: int, body: bytes) -> str:
    """What the receiver has to find again."""
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
