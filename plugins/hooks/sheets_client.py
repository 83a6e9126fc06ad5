"""Four thin calls of Google Sheets: bytes in, typed errors out, every call counted.

The one place where a vendor's failure becomes ours. Reads, and writes that Google refused, are repeated here; a
write whose answer was lost is not, since only a look at the workbook tells whether it happened.

Before each call the quota is asked, which may mean to wait. A batch is not sent if its plan got old by that: the
permission for another look and for the batch is waited for and kept, and then StalePlanError asks for that look.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson
import requests
from google.auth.exceptions import RefreshError, TransportError
from gspread.exceptions import APIError
from gspread.urls import SPREADSHEET_BATCH_UPDATE_URL, SPREADSHEET_URL, SPREADSHEET_VALUES_BATCH_URL
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from drivetrain.errors import (
    AccessDeniedError,
    AmbiguousWriteError,
    CredentialsError,
    DrivetrainError,
    QuotaExceededError,
    RequestRejectedError,
    TargetMissingError,
    UnavailableError,
)
from drivetrain.quota.port import Kind, Priority, Unlimited
from drivetrain.sheets.port import StalePlanError, Usage

if TYPE_CHECKING:
    from gspread.http_client import HTTPClient

    from drivetrain.quota.port import Hold, Quota
    from drivetrain.retry import RetryPolicy

Params = Mapping[str, str | list[str]]

_JSON = {"Content-Type": "application/json"}
# https://developers.google.com/workspace/drive/api/guides/handle-errors#resolve_a_403_error_usage_limits_exceeded
_QUOTA_REASONS = ("ratelimitexceeded", "userratelimitexceeded", "rate_limit_exceeded", "quotaexceeded")
_MAX_MESSAGE = 400


class SheetsClient:
    """One workbook's worth of Google Sheets, as drivetrain.sheets.port.SheetsPort wants it.

    Args:
        http: gspread's HTTP client, authorized.
        account: the service account's e-mail address, for messages.
        connection: the Airflow connection's id, for messages.
        retry: for reads and for calls that had no effect.
        quota: asked before each call.
        priority: of these calls.
        stale_after_seconds: a batch may wait so long, from get_workbook's answer on, all calls in between included.
    """

    def __init__(
        self,
        http: HTTPClient,
        *,
        account: str,
        connection: str,
        retry: RetryPolicy,
        quota: Quota | None = None,
        priority: Priority = Priority.NORMAL,
        stale_after_seconds: float = 5.0,
    ) -> None:
        self._http, self._account, self._connection = http, account, connection
        self._retry, self._sleep = replace(retry, sleep=self._sleep_counted), retry.sleep
        self._quota, self._priority, self._stale_after_seconds = quota or Unlimited(), priority, stale_after_seconds
        self._usage = Usage()
        self._hold: Hold | None = None
        # Of the look that a plan is made from: what was counted when it began, and whether its plan is too old.
        self._look: Usage | None = None
        self._is_stale = False

    @property
    def usage(self) -> Usage:
        """Calls and bytes so far, every try counted."""
        return self._usage

    def get_workbook(self, spreadsheet_id: str, fields: str) -> dict[str, Any]:
        """spreadsheets.get with a field mask: begins a look at the workbook.

        The permission to read a tab's cells is taken with it, so that the two show the workbook at one time.
        """
        if not self._is_stale:
            self._wait_for({Kind.READ: 2}, keep=False)
        self._is_stale = False
        reads = self._usage.read_calls
        answer: dict[str, Any] = self._read(spreadsheet_id, SPREADSHEET_URL % spreadsheet_id, {"fields": fields})
        self._look = replace(self._usage, read_calls=reads)
        return answer

    def read_values(self, spreadsheet_id: str, ranges: Sequence[str]) -> Sequence[Sequence[Sequence[object]]]:
        """values.batchGet: for each range its rows, unformatted, dates as serials; blank ends are left out."""
        url = SPREADSHEET_VALUES_BATCH_URL % spreadsheet_id
        params: dict[str, str | list[str]] = {
            "ranges": list(ranges),
            "valueRenderOption": "UNFORMATTED_VALUE",
            "dateTimeRenderOption": "SERIAL_NUMBER",
        }
        found = self._read(spreadsheet_id, url, params)["valueRanges"]
        return [entry.get("values", []) for entry in found]

    def batch_update(self, spreadsheet_id: str, body: bytes) -> None:
        """spreadsheets.batchUpdate: all of it or nothing.

        Raises:
            AmbiguousWriteError: the answer was lost; look before sending anything again.
            StalePlanError: it had to wait, so its plan is old; not sent, or refused. There is permission for a look and
                a batch now.
        """
        # The answer repeats an empty reply for each sub-request: the mask keeps it small.
        url, params = SPREADSHEET_BATCH_UPDATE_URL % spreadsheet_id, {"fields": "spreadsheetId"}
        self._call(Kind.WRITE, lambda: self._send(spreadsheet_id, "post", url, params, body), is_planned=True)

    def put_values(self, spreadsheet_id: str, where: str, body: bytes) -> None:
        """values.update, RAW. Repeated when its answer is lost: it has the same effect however often it happens."""
        url = f"{SPREADSHEET_URL % spreadsheet_id}/values/{quote(where, safe='')}"
        params = {"valueInputOption": "RAW", "fields": "updatedCells"}
        self._call(Kind.WRITE, lambda: self._send(spreadsheet_id, "put", url, params, body), ambiguous_too=True)

    def _read(self, spreadsheet_id: str, url: str, params: Params) -> Any:
        return orjson.loads(self._call(Kind.READ, lambda: self._send(spreadsheet_id, "get", url, params, None)))

    def _call(
        self, kind: Kind, send: Callable[[], bytes], *, is_planned: bool = False, ambiguous_too: bool = False
    ) -> bytes:
        """Send with permission, every try with one of its own."""

        def attempt() -> bytes:
            try:
                self._permit(kind, is_planned=is_planned)
            except (QuotaExceededError, StalePlanError) as error:
                raise _NoPermissionError(error) from None
            try:
                return send()
            except QuotaExceededError as error:
                self._quota.refused(kind, self._account, retry_after_seconds=error.retry_after_seconds)
                raise

        try:
            return self._retry.call(attempt, ambiguous_too=ambiguous_too)
        except _NoPermissionError as stop:
            raise stop.reason from None

    def _permit(self, kind: Kind, *, is_planned: bool) -> None:
        """Wait until a call may be sent.

        Raises:
            QuotaExceededError: that would take too long.
            StalePlanError: see batch_update.
        """
        patience = None
        if is_planned and self._look is not None:
            patience = self._stale_after_seconds - (self._usage.waited_seconds - self._look.waited_seconds)
            if self._is_stale or patience < 0:
                raise self._stale()
        if self._hold is not None:
            if self._hold.use(kind):
                return
            if kind is Kind.WRITE:  # reading is over: a tab that is new had no cells to read
                self._hold.give_back()
                self._hold = None
        try:
            waited = self._quota.take(kind, self._account, priority=self._priority, patience_seconds=patience)
        except QuotaExceededError:
            if patience is None:
                raise
            raise self._stale() from None
        self._usage.waited_seconds += waited

    def _stale(self) -> StalePlanError:
        """Wait for all that another look and a batch need, so that they are not kept waiting again."""
        if not self._is_stale and self._look is not None:
            self._is_stale = True
            reads = self._usage.read_calls - self._look.read_calls
            self._wait_for({Kind.READ: max(reads, 2), Kind.WRITE: 1}, keep=True)
        return StalePlanError(f"quota of {self._account}: a batch had to wait, and its plan is too old by now")

    def _wait_for(self, needs: Mapping[Kind, int], *, keep: bool) -> None:
        if self._hold is not None:
            self._hold.give_back()
        self._hold = None
        self._hold = self._quota.hold(needs, self._account, priority=self._priority, keep=keep)
        self._usage.waited_seconds += self._hold.waited_seconds

    def _sleep_counted(self, seconds: float) -> None:
        self._usage.waited_seconds += seconds
        self._sleep(seconds)

    def _send(self, spreadsheet_id: str, method: str, url: str, params: Params, body: bytes | None) -> bytes:
        is_write = body is not None
        if is_write:
            self._usage.write_calls += 1
            self._usage.bytes_sent += len(body or b"")
        else:
            self._usage.read_calls += 1
        try:
            response = self._http.request(
                method, url, params=dict(params), data=body, headers=dict(_JSON) if is_write else None
            )
        except APIError as error:
            raise self._from_answer(error, spreadsheet_id, is_write=is_write) from None
        except (RefreshError, TransportError) as error:
            raise self._from_login(error) from None
        except requests.exceptions.RequestException as error:
            raise _from_transport(error, spreadsheet_id, is_write=is_write) from None
        self._usage.bytes_received += len(response.content)
        return bytes(response.content)

    def _from_answer(self, error: APIError, spreadsheet_id: str, *, is_write: bool) -> DrivetrainError:
        status, message = error.code, " ".join(str(error.error.get("message", "")).split())[:_MAX_MESSAGE]
        what = f"workbook {spreadsheet_id}"
        if status == 429 or (status == 403 and _is_quota(error)):
            return QuotaExceededError(
                f"{what}: quota of {self._account} used up: {message}", retry_after_seconds=_retry_after(error)
            )
        if status == 403:
            return AccessDeniedError(
                f"{what}: {self._account} may not {'edit' if is_write else 'read'} it: share it with that address, as "
                f"Editor where rows are written, as Viewer where they are read ({message})"
            )
        if status == 401:
            return CredentialsError(
                f"connection {self._connection}: Google refuses the token of {self._account}: {message}; "
                "replace its key"
            )
        if status == 404:
            return TargetMissingError(
                f"{what}: there is none: correct spreadsheet_id in the spec, or restore it from the bin ({message})"
            )
        if status >= 500:
            kind = AmbiguousWriteError if is_write else UnavailableError
            return kind(f"{what}: Google answers {status}: {message}", retry_after_seconds=_retry_after(error))
        return RequestRejectedError(f"{what}: Google refuses the request ({status}): {message}")

    def _from_login(self, error: RefreshError | TransportError) -> DrivetrainError:
        reason = " ".join(str(error.args[0] if error.args else error).split())[:_MAX_MESSAGE]
        if isinstance(error, TransportError) or error.retryable:
            return UnavailableError(f"connection {self._connection}: no token for {self._account}: {reason}")
        return CredentialsError(
            f"connection {self._connection}: the key of {self._account} is expired or revoked ({reason}): "
            "create a new key for it and put it in the connection"
        )


class _NoPermissionError(Exception):
    """Carries an error past the retries: the call has waited as long as it may."""

    def __init__(self, reason: QuotaExceededError | StalePlanError) -> None:
        super().__init__(str(reason))
        self.reason = reason


def _from_transport(
    error: requests.exceptions.RequestException, spreadsheet_id: str, *, is_write: bool
) -> DrivetrainError:
    what = f"workbook {spreadsheet_id}"
    cause = getattr(error.args[0], "reason", None) if error.args else None
    never_sent = isinstance(cause, NewConnectionError | ConnectTimeoutError)
    if never_sent or not is_write:
        return UnavailableError(f"{what}: no answer from Google Sheets: {type(error).__name__}")
    return AmbiguousWriteError(f"{what}: the answer to a write was lost: {type(error).__name__}")


def _is_quota(error: APIError) -> bool:
    """Tell a 403 for quota from a 403 for permission: gspread#1268."""
    if str(error.error.get("status", "")) == "RESOURCE_EXHAUSTED":
        return True
    reasons = [
        str(entry.get("reason", "")).casefold()
        for key in ("errors", "details")
        for entry in error.error.get(key) or []
        if isinstance(entry, dict)
    ]
    return any(reason in _QUOTA_REASONS for reason in reasons)


def _retry_after(error: APIError) -> float | None:
    value = error.response.headers.get("Retry-After", "")
    return float(value) if value.isdigit() else None
