"""What `make up ARGS=--monitoring` starts beside the rest: the exporter's stand-in and Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from standins.platform.airflow_env import UNSET
from standins.platform.revisions import hash_of
from standins.platform.secrets import Secrets, write_private
from standins.ports import HOST
from standins.prometheus.config import Target, arguments, configuration
from standins.prometheus.program import prometheus
from standins.supervisor import probes
from standins.supervisor.units import Service, Unit

if TYPE_CHECKING:
    from pathlib import Path

    from standins.platform.layout import Layout


def folder(layout: Layout) -> Path:
    """Mapping, rules and settings, as production has them."""
    return layout.repository / "k8s" / "monitoring"


def metrics_env(layout: Layout) -> dict[str, str]:
    """Airflow's settings for it: production's, but for where the exporter is."""
    lines = (folder(layout) / "airflow.env").read_text(encoding="utf-8").splitlines()
    settings = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    section = "AIRFLOW__METRICS__STATSD_"
    return {**settings, f"{section}HOST": HOST, f"{section}PORT": str(layout.ports.statsd)}


def monitoring(layout: Layout, secrets: Secrets) -> list[Unit]:
    """Both services."""
    here = folder(layout)
    mapping = here / "statsd-mapping.yaml"
    rules = sorted(here.glob("*-rules.yaml"))
    home = layout.home / "prometheus"
    token = home / "token"
    targets = {
        "statsd": Target(layout.ports.statsd_web),
        "airflow": Target(layout.ports.airflow, "/drivetrain/metrics", token),
        "prometheus": Target(layout.ports.prometheus),
    }
    text = configuration(targets, rules)

    def prepare() -> None:
        write_private(token, secrets.metrics_token)
        (home / "prometheus.yml").write_text(text, encoding="utf-8")

    return [
        Service(
            name="statsd",
            argv=(
                *(str(layout.bin / "python"), "-m", "standins.statsd", "--mapping", str(mapping)),
                *("--udp-port", str(layout.ports.statsd), "--web-port", str(layout.ports.statsd_web)),
            ),
            unset=UNSET,
            probe=probes.http_ok(layout.ports.statsd_web, "/-/healthy"),
            port=layout.ports.statsd_web,
            port_variable="DRIVETRAIN_PORT_STATSD_WEB",
            revision=hash_of([mapping, *(layout.repository / "standins" / "statsd").glob("*.py")]),
        ),
        Service(
            name="prometheus",
            argv=arguments(prometheus(), home / "prometheus.yml", home / "data", layout.ports.prometheus),
            prepare=prepare,
            probe=probes.http_ok(layout.ports.prometheus, "/-/ready"),
            port=layout.ports.prometheus,
            port_variable="DRIVETRAIN_PORT_PROMETHEUS",
            revision=text + hash_of(rules),
        ),
    ]
