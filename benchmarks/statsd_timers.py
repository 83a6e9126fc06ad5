"""Every value of some StatsD timers, so that their percentiles are exact: a UDP socket and a thread that reads it."""

from __future__ import annotations

import socket
import threading
from collections import defaultdict
from typing import Self


class StatsdTimers:
    """Listens on 127.0.0.1 from entry to exit.

    Attributes:
        port: where.
        values: by the timer's name, in milliseconds, since the last `clear`.
    """

    def __init__(self, *names: str) -> None:
        self._names = names
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.5)
        self.port: int = self._socket.getsockname()[1]
        self.values: dict[str, list[float]] = defaultdict(list)
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._socket.close()

    def clear(self) -> None:
        """Forget what came up to now."""
        self.values = defaultdict(list)

    def environment(self) -> dict[str, str]:
        """Airflow's settings for it."""
        section = "AIRFLOW__METRICS__STATSD_"
        return {f"{section}ON": "True", f"{section}HOST": "127.0.0.1", f"{section}PORT": str(self.port)}

    def _listen(self) -> None:
        while not self._ended.is_set():
            try:
                packet = self._socket.recv(65_536).decode(errors="replace")
            except TimeoutError:
                continue
            for line in packet.splitlines():
                name, _, rest = line.partition(":")
                value, _, kind = rest.partition("|")
                if kind.startswith("ms") and (found := next((one for one in self._names if name.endswith(one)), None)):
                    self.values[found].append(float(value))
