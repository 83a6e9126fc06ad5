"""A whole platform of one's own, for end-to-end tests."""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Self

from standins.platform import bundle
from standins.platform.api import AirflowApi
from standins.platform.demo import connect
from standins.platform.layout import Layout
from standins.platform.services import platform
from standins.platform.versions import wait_for_version
from standins.ports import HOST, Ports
from standins.supervisor.supervisor import Report, Supervisor, silent
from standins.supervisor.units import Service, Unit


def free_ports() -> Ports:
    """A set of ports that nobody listens on now."""
    sockets = [socket.socket() for _ in range(Ports.count())]
    try:
        for one in sockets:
            one.bind((HOST, 0))
        return Ports(*(one.getsockname()[1] for one in sockets))
    finally:
        for one in sockets:
            one.close()


class LocalPlatform:
    """Everything up on entry, under a home and ports of its own; everything down and removed on exit.

    Args:
        home: where its state goes and stays; a temporary folder that is removed at the end if left out.
        without: names of units that the test does not need, such as `("snowflake",)`.
        airflow: settings of Airflow's processes beside those of the local platform, as environment variables.
        monitoring: with Prometheus.
        features: with a feature store.
        scheduled: also runs that nobody triggers: by the clock, and those that assets' events begin.
        report: told of each unit as it comes and goes.
    """

    def __init__(
        self,
        home: Path | None = None,
        *,
        without: Collection[str] = (),
        airflow: Mapping[str, str] | None = None,
        monitoring: bool = False,
        features: bool = False,
        scheduled: bool = False,
        report: Report = silent,
    ) -> None:
        self._temporary = home is None
        # Without schedules, unless the test is of them: what it sees must not hang on the hour at which it runs.
        home = home or Path(tempfile.mkdtemp(prefix="drivetrain-"))
        self.layout = Layout(home, free_ports(), scheduled=scheduled, monitoring=monitoring, features=features)
        self._without = without
        self._airflow_settings = dict(airflow or {})
        self.supervisor = Supervisor(self.layout.home, report)

    @property
    def home(self) -> Path:
        """What DRIVETRAIN_HOME would be."""
        return self.layout.home

    @property
    def sheets_url(self) -> str:
        """Base URL of the Sheets stand-in."""
        return self.layout.sheets_url

    @property
    def airflow_url(self) -> str:
        """Base URL of Airflow's UI."""
        return self.layout.airflow_url

    @cached_property
    def api(self) -> AirflowApi:
        """Airflow's REST API as the administrator."""
        return connect(self.layout)

    def __enter__(self) -> Self:
        try:
            self.supervisor.up(self._units())
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if "api" in self.__dict__:
            self.api.close()
        self.supervisor.down()
        self._remove()

    def push(self, changes: Mapping[str, str | None] | None = None, message: str = "Test") -> str:
        """Publish the working tree's dags/ and include/ with changes laid over; returns the version.

        Args:
            changes: path in the bundle, such as `dags/probe.py`, -> its text, or None to leave the file out.
            message: of the commit.
        """
        return bundle.publish(self.layout, message, changes)

    def wait_for_version(self, sha: str, timeout_seconds: float = 90.0) -> None:
        """Return once Airflow shows the DAGs of that version; see `standins.platform.versions`."""
        wait_for_version(self.layout, self.api, sha, timeout_seconds)

    def restart(self) -> None:
        """Take everything down and up again on the same state."""
        self.supervisor.down()
        self.supervisor.up(self._units())

    def _units(self) -> list[Unit]:
        units = platform(self.layout, without=self._without)
        if not self._airflow_settings:
            return units
        return [
            replace(unit, env={**unit.env, **self._airflow_settings})
            if isinstance(unit, Service) and unit.name.startswith("airflow-")
            else unit
            for unit in units
        ]

    def _remove(self) -> None:
        if self._temporary:
            shutil.rmtree(self.layout.home, ignore_errors=True)
