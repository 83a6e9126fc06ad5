"""A headless Chromium, driven by its own protocol (https://chromedevtools.github.io/devtools-protocol/)."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from websockets.sync.client import ClientConnection, connect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class PageLeftError(RuntimeError):
    """The page went elsewhere while it was asked."""


class Tab:
    """One page."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket, self._last = socket, 0
        self.complaints: list[str] = []  # of the console: errors, and what a policy blocked
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command, and its answer."""
        self._last += 1
        self._socket.send(json.dumps({"id": self._last, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv(timeout=60))
            self._listen(message)
            if message.get("id") == self._last:
                if "error" in message:
                    left = "navigated" in message["error"].get("message", "")
                    raise (PageLeftError if left else RuntimeError)(f"{method}: {message['error']}")
                return dict(message["result"])

    def open(self, url: str) -> None:
        """Go there; `wait` for what should show up."""
        self.call("Page.navigate", url=url)

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{script}: {answer['exceptionDetails'].get('exception', {}).get('description')}")
        return answer["result"].get("value")

    def wait(self, script: str, seconds: float = 30) -> Any:
        """The expression's value once it is true of anything."""
        deadline = time.monotonic() + seconds
        while True:
            value = None
            with contextlib.suppress(PageLeftError):  # it comes, and so does what is waited for
                value = self.run(f"(() => {{ try {{ return {script} }} catch {{ return null }} }})()")
            if value:
                return value
            if time.monotonic() > deadline:
                shown = self.run("document.body ? document.body.innerText.slice(0, 500) : ''")
                raise TimeoutError(f"never true: {script}\n{self.run('location.href')}\n{shown}\n{self.complaints}")
            time.sleep(0.05)

    def wait_for(self, script: str, value: Any) -> None:
        """Until the expression has this value: it may well have others before."""
        self.wait(f"({script}) === {json.dumps(value)}")

    def press(self, key: str) -> None:
        """One key, where the focus is."""
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        for kind in ("keyDown", "keyUp"):
            code = {"windowsVirtualKeyCode": 13} if key == "Enter" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, text=text if kind == "keyDown" else "", **code)

    def screenshot(self, file: Path) -> None:
        """As PNG."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def _listen(self, message: dict[str, Any]) -> None:
        parameters = message.get("params", {})
        if message.get("method") == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            self.complaints.append(f"{parameters['entry']['text']} {parameters['entry'].get('url', '')}")
        elif message.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(str(parameters["exceptionDetails"].get("exception", {}).get("description")))


@contextmanager
def browser_tab(profile: Path, *, width: int = 1400, height: int = 900) -> Iterator[Tab]:
    """A browser of its own with one tab.

    Args:
        profile: an empty folder for its data.
        width: of the window, in pixels.
        height: likewise.
    """
    profile.mkdir(parents=True, exist_ok=True)
    # Its sandbox needs rights that a container does not have; the pages are our own.
    arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
    arguments += [f"--user-data-dir={profile}", "--remote-debugging-port=0", "--no-proxy-server", "about:blank"]
    with (profile / "browser.log").open("wb") as log:
        process = subprocess.Popen([str(CHROMIUM), *arguments], stdout=log, stderr=log)
    try:
        told = profile / "DevToolsActivePort"
        deadline = time.monotonic() + 30
        while not told.exists() or len(told.read_text().splitlines()) < 2:
            if time.monotonic() > deadline or process.poll() is not None:
                raise RuntimeError(f"Chromium did not start: {(profile / 'browser.log').read_text()[-1000:]}")
            time.sleep(0.05)
        port = told.read_text().splitlines()[0]
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        pages = json.load(opener.open(f"http://127.0.0.1:{port}/json/list", timeout=10))
        address = next(page["webSocketDebuggerUrl"] for page in pages if page["type"] == "page")
        with connect(address, max_size=None, proxy=None) as socket:
            tab = Tab(socket)
            size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
            tab.call("Emulation.setDeviceMetricsOverride", **size)
            yield tab
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=10)
