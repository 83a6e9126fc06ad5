"""Google Sheets by way of gspread: an Airflow connection, a pool of service accounts, one client a workbook."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import gspread
from airflow.sdk import BaseHook
from google.oauth2.service_account import Credentials
from gspread.http_client import HTTPClient

from drivetrain.errors import CredentialsError, FatalError
from drivetrain.quota.port import Priority
from drivetrain.retry import RetryPolicy
from hooks.sheets_client import SheetsClient

if TYPE_CHECKING:
    from airflow.sdk import Connection
    from requests import Response

    from drivetrain.quota.port import Quota

# https://developers.google.com/workspace/sheets/api/scopes
SCOPES = ("https://www.googleapis.com/auth/spreadsheets", "https://www.googleapis.com/auth/drive")
_GOOGLE_ROOTS = ("https://sheets.googleapis.com", "https://www.googleapis.com")
_GOOGLE_PAGES = "https://docs.google.com"


@dataclass(frozen=True)
class SheetsConnection:
    """An Airflow connection's extras, read once.

    Attributes:
        keyfiles: paths of service-account key files.
        keys: service-account keys themselves, as a secret backend gives them.
        api_root: another server than Google's, for local runs and tests.
        timeout_seconds: (connect, read). Google ends a call after 180 s itself.
    """

    keyfiles: tuple[str, ...]
    keys: tuple[dict[str, Any], ...]
    api_root: str | None
    timeout_seconds: tuple[float, float]

    @staticmethod
    def parse(connection: Connection) -> SheetsConnection:
        """Read the extras.

        Raises:
            FatalError: an extra is unknown or missing, by its name.
        """
        extra = dict(connection.extra_dejson)
        where = f"connection {connection.conn_id}"
        paths = extra.pop("keyfile_paths", [])
        keys = extra.pop("keyfile_dicts", [])
        api_root = extra.pop("api_root", None)
        timeout = float(extra.pop("timeout_seconds", 180))
        connect = float(extra.pop("connect_timeout_seconds", 10))
        if extra:
            raise FatalError(f"{where}: unknown extra {', '.join(sorted(extra))}: remove it")
        paths = paths.split(",") if isinstance(paths, str) else paths
        keys = json.loads(keys) if isinstance(keys, str) else keys
        keys = [keys] if isinstance(keys, dict) else keys
        if not paths and not keys:
            raise FatalError(f"{where}: give keyfile_paths or keyfile_dicts with at least one service account's key")
        return SheetsConnection(
            keyfiles=tuple(path.strip() for path in paths),
            keys=tuple(keys),
            api_root=api_root.rstrip("/") if api_root else None,
            timeout_seconds=(connect, timeout),
        )


class GoogleSheetsHook(BaseHook):
    """Clients of Google Sheets.

    Args:
        google_sheets_conn_id: a connection of type googlesheets.
        retry: for calls that are known to have had no effect.
        quota: shared with whoever else calls by these accounts, see hooks.sheets_quota; None: no limit but Google's own
            refusals.
        priority: of the calls, where they have to wait for the quota.
    """

    conn_name_attr = "google_sheets_conn_id"
    default_conn_name = "google_sheets_default"
    conn_type = "googlesheets"
    hook_name = "Google Sheets (service accounts)"

    def __init__(
        self,
        google_sheets_conn_id: str = default_conn_name,
        *,
        retry: RetryPolicy | None = None,
        quota: Quota | None = None,
        priority: Priority = Priority.NORMAL,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.google_sheets_conn_id = google_sheets_conn_id
        self.retry = retry or RetryPolicy()
        self.quota, self.priority = quota, priority

    @cached_property
    def settings(self) -> SheetsConnection:
        """The connection's extras."""
        return SheetsConnection.parse(self.get_connection(self.google_sheets_conn_id))

    @cached_property
    def accounts(self) -> tuple[dict[str, Any], ...]:
        """The service accounts' keys, in the connection's order.

        Raises:
            CredentialsError: a key can't be read; the message names the file and never the key.
        """
        return tuple(self._read_key(path) for path in self.settings.keyfiles) + self.settings.keys

    def account_for(self, spreadsheet_id: str) -> dict[str, Any]:
        """The account that serves a workbook: always the same one, the workbooks spread evenly.

        Quotas count per account, and a workbook needs to be shared only with its own.
        """
        return self.accounts[zlib.crc32(spreadsheet_id.encode()) % len(self.accounts)]

    def gspread_client(self, spreadsheet_id: str) -> gspread.Client:
        """A gspread client with the workbook's account."""
        key = self.account_for(spreadsheet_id)
        try:
            credentials = _credentials(json.dumps(key, sort_keys=True))
        except (ValueError, KeyError) as error:
            name = key.get("client_email", "without client_email")
            raise CredentialsError(
                f"connection {self.google_sheets_conn_id}: the key of {name} is not a service account's: "
                f"{type(error).__name__}; download a new JSON key"
            ) from None
        client = gspread.Client(auth=credentials, http_client=http_client(self.settings.api_root))
        client.set_timeout(self.settings.timeout_seconds)
        return client

    def client_for(self, spreadsheet_id: str) -> SheetsClient:
        """A client for one workbook, with typed errors and counted calls."""
        account = str(self.account_for(spreadsheet_id).get("client_email", ""))
        return SheetsClient(
            self.gspread_client(spreadsheet_id).http_client,
            account=account,
            connection=self.google_sheets_conn_id,
            retry=self.retry,
            quota=self.quota,
            priority=self.priority,
        )

    def url(self, spreadsheet_id: str, gid: int | None) -> str:
        """The page of a tab."""
        root = self.settings.api_root or _GOOGLE_PAGES
        return f"{root}/spreadsheets/d/{spreadsheet_id}/edit" + (f"#gid={gid}" if gid is not None else "")

    def test_connection(self) -> tuple[bool, str]:
        """Exchange each account's key for a token: what the connection form's test button does."""
        from google.auth.exceptions import GoogleAuthError
        from google.auth.transport.requests import Request

        for key in self.accounts:
            name = key.get("client_email", "?")
            try:
                Credentials.from_service_account_info(key, scopes=SCOPES).refresh(Request())
            except (GoogleAuthError, ValueError, KeyError) as error:
                return False, f"{name}: {error}"
        return True, f"{len(self.accounts)} service accounts answer"

    def _read_key(self, path: str) -> dict[str, Any]:
        try:
            with open(path, encoding="utf-8") as file:
                key: dict[str, Any] = json.load(file)
        except OSError as error:
            raise CredentialsError(
                f"connection {self.google_sheets_conn_id}: keyfile_paths: {path} cannot be read: {error.strerror}"
            ) from None
        except ValueError:
            raise CredentialsError(
                f"connection {self.google_sheets_conn_id}: keyfile_paths: {path} is not JSON: download a new key"
            ) from None
        return key


@lru_cache(maxsize=64)
def _credentials(key: str) -> Credentials:
    """A process's credentials of a key: reading its RSA key costs 40 ms of CPU and its token lasts an hour."""
    credentials: Credentials = Credentials.from_service_account_info(json.loads(key), scopes=SCOPES)
    return credentials


def http_client(api_root: str | None) -> type[HTTPClient]:
    """Gspread's HTTP client, with Google's host swapped for another one if one is given."""
    if api_root is None:
        return HTTPClient

    class RedirectedClient(HTTPClient):
        def request(self, method: str, endpoint: str, *args: Any, **kwargs: Any) -> Response:
            for root in _GOOGLE_ROOTS:
                if endpoint.startswith(root):
                    endpoint = api_root + endpoint.removeprefix(root)
            return super().request(method, endpoint, *args, **kwargs)

    return RedirectedClient
