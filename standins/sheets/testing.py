"""Runs the stand-in as a subprocess for tests and benchmarks, and hands out real gspread clients that talk to it."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import gspread
import httpx
from google.oauth2 import service_account
from gspread.http_client import HTTPClient

_ROOT = Path(__file__).resolve().parents[2]
GOOGLE_HOSTS = ("https://sheets.googleapis.com", "https://www.googleapis.com")
SCOPES = ("https://www.googleapis.com/auth/spreadsheets", "https://www.googleapis.com/auth/drive")


def http_client(url: str, timeout: float | tuple[float, float] | None = 60.0) -> type[HTTPClient]:
    """Gspread's HTTP client with Google's two hosts replaced by ``url``; nothing else differs."""

    class StandinHTTPClient(HTTPClient):
        """Sends Google's calls to the stand-in."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.timeout = timeout

        def request(self, method: str, endpoint: str, *args: Any, **kwargs: Any) -> Any:
            for host in GOOGLE_HOSTS:
                if endpoint.startswith(host):
                    endpoint = url + endpoint[len(host) :]
            return super().request(method, endpoint, *args, **kwargs)

    return StandinHTTPClient


class SheetsStandin:
    """A context manager around ``python -m standins.sheets serve``.

    Args:
        data_dir: where its data is; a temporary folder, removed at exit, if it is not given.
        quotas: off by default (0); pass e.g. ``{"user_writes": 5}``, or ``"google"`` for Google's.
        minute_seconds: how long a minute lasts for the quotas.
        check_responses: check every answer against the discovery document.
        options: more of ``serve``'s options, e.g. ``{"max_cells": 10_000}``.
    """

    def __init__(
        self,
        data_dir: Path | None = None,
        quotas: dict[str, int] | str | None = None,
        minute_seconds: float = 60.0,
        check_responses: bool = True,
        accounts: int = 3,
        options: dict[str, Any] | None = None,
    ) -> None:
        self._temporary = data_dir is None
        self.data_dir = data_dir or Path(tempfile.mkdtemp(prefix="sheets-standin-"))
        self.url = ""
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._control = httpx.Client(timeout=60.0, trust_env=False)
        names = ("project_reads", "project_writes", "user_reads", "user_writes")
        chosen: dict[str, Any] = {"minute_seconds": minute_seconds, "accounts": accounts, **(options or {})}
        if not isinstance(quotas, str):
            chosen |= dict.fromkeys(names, 0) | (quotas or {})
        elif quotas != "google":
            raise ValueError(f"quotas is a dictionary or 'google': {quotas!r}")
        self._arguments = [f"--{name.replace('_', '-')}={value}" for name, value in chosen.items()]
        if check_responses:
            self._arguments.append("--check-responses")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Nothing of a temporary folder is worth the time of an orderly end.
        self.stop(kill=self._temporary)
        self._control.close()
        if self._temporary:
            shutil.rmtree(self.data_dir, ignore_errors=True)

    # The process -----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start it and wait until it answers. A restart keeps the port."""
        port_file = self.data_dir / "port"
        port_file.unlink(missing_ok=True)
        command = [sys.executable, "-m", "standins.sheets", "serve", f"--port={self._port}", f"--data={self.data_dir}"]
        self._log = (self.data_dir / "server.log").open("ab")
        # Compiled modules in a folder of their own: a start is much faster where the environment forbids __pycache__.
        cache = {"PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir()) / "sheets-standin-pycache")}
        environment = {**os.environ, **cache}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        self._process = subprocess.Popen(
            command + self._arguments, cwd=_ROOT, stdout=self._log, stderr=self._log, env=environment
        )
        deadline = time.monotonic() + 30
        while not self._answers(port_file):
            if self._process.poll() is not None or time.monotonic() > deadline:
                log = (self.data_dir / "server.log").read_text(errors="replace")
                self.stop(kill=True)
                raise RuntimeError(f"the Sheets stand-in did not start:\n{log[-4000:]}")
            time.sleep(0.01)

    def _answers(self, port_file: Path) -> bool:
        try:
            self._port = int(port_file.read_text())
            self.url = f"http://127.0.0.1:{self._port}"
            return self._control.get(f"{self.url}/healthz").status_code == 200
        except (OSError, ValueError, httpx.TransportError):
            return False

    def stop(self, kill: bool = False) -> None:
        """End it: SIGTERM, or SIGKILL."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        try:
            self._process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
        self._log.close()

    def restart(self, kill: bool = False) -> None:
        """End it and start it again on the same port and the same data."""
        self.stop(kill=kill)
        self.start()

    @property
    def pid(self) -> int:
        """The server's process id."""
        if self._process is None:
            raise RuntimeError("the stand-in is not running")
        return self._process.pid

    # Clients ---------------------------------------------------------------------------------------------------------

    def keyfile(self, name: str = "sync-1") -> Path:
        """The key file of a service account."""
        return self.data_dir / "accounts" / f"{name}.json"

    def gspread_client(
        self, account: str = "sync-1", timeout: float | tuple[float, float] | None = 60.0, scopes: Any = SCOPES
    ) -> gspread.Client:
        """A real gspread client of this account."""
        credentials = service_account.Credentials.from_service_account_file(str(self.keyfile(account)), scopes=scopes)
        return gspread.Client(auth=credentials, http_client=http_client(self.url, timeout))

    # Setting the scene -----------------------------------------------------------------------------------------------

    def control(self, verb: str, path: str, body: Any = None) -> Any:
        """Call a control endpoint; raises with the server's message."""
        response = self._control.request(verb, f"{self.url}/_control{path}", json=body)
        if response.status_code >= 400:
            raise RuntimeError(f"{verb} {path}: {response.status_code} {response.text}")
        return response.json()

    def create_spreadsheet(
        self,
        id: str | None = None,
        title: str = "Test",
        tabs: list[Any] | None = None,
        share_with: list[Any] | None = None,
        owner: str | None = None,
        public_read: bool = False,
    ) -> str:
        """Make a workbook (or find it, if the id is there) and give its id; shared with all accounts unless told."""
        body: dict[str, Any] = {"spreadsheet_id": id or f"test-{secrets.token_hex(12)}", "title": title}
        body |= {"public_read": public_read}
        for name, value in (("tabs", tabs), ("share_with", share_with), ("owner", owner)):
            if value is not None:
                body[name] = value
        return self.control("POST", "/spreadsheets", body)["spreadsheet_id"]

    def create_account(self, name: str) -> Path:
        """Make a service account (or a new key for it) and give its key file."""
        return Path(self.control("POST", "/accounts", {"name": name})["path"])

    def revoke_account(self, name: str, what: str = "key") -> None:
        """``key``: no new tokens; ``account``: the tokens that are out end as well; empty: undo."""
        self.control("POST", f"/accounts/{name}/revoke", {"what": what})

    def fault(self, kind: str, nth: int = 1, method: str = "*", **more: Any) -> dict[str, Any]:
        """Register a fault: see ``standins.sheets.faults``; more: its fields, such as count or share."""
        return self.control("POST", "/faults", {"kind": kind, "nth": nth, "method": method, **more})

    def down(self, seconds: float) -> None:
        """Reset every call for a while; ``clear_faults`` ends it."""
        self.control("POST", "/faults", {"kind": "down", "seconds": seconds})

    def faults(self) -> list[dict[str, Any]]:
        """The faults that have not struck yet."""
        return self.control("GET", "/faults")["faults"]

    def clear_faults(self) -> None:
        """Forget all faults."""
        self.control("DELETE", "/faults")

    def quotas(self, **quotas: Any) -> None:
        """Change quotas (0 = off) and start a fresh minute."""
        self.control("POST", "/quotas", quotas)

    def calls(self, since: int = 0) -> list[dict[str, Any]]:
        """The log of calls with a number above ``since``."""
        return self.control("GET", f"/calls?since={since}")["calls"]

    def stats(self) -> dict[str, dict[str, int]]:
        """Totals a method since the start or the last reset."""
        return self.control("GET", "/stats")["methods"]

    def reset_stats(self) -> None:
        """Start the totals anew."""
        self.control("POST", "/stats/reset")
