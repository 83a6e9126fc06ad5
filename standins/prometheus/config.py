"""What the local Prometheus scrapes, and its rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from standins.ports import HOST

CONSOLES = Path(__file__).with_name("consoles")
# Debian's program reads its own pages from /usr/share, where only an installed package has them.
PAGE = "/consoles/alerts.html"


@dataclass(frozen=True)
class Target:
    """What is scraped.

    Attributes:
        token_file: holds the bearer token, if one is needed: never in the configuration, which Prometheus shows.
    """

    port: int
    path: str = "/metrics"
    token_file: Path | None = None


def configuration(targets: Mapping[str, Target], rules: Sequence[Path], interval_seconds: int = 5) -> str:
    """prometheus.yml: https://prometheus.io/docs/prometheus/latest/configuration/configuration/ .

    Args:
        targets: by job.
        rules: files.
        interval_seconds: of scraping and of the rules.
    """
    every = f"{interval_seconds}s"
    return yaml.safe_dump(
        {
            "global": {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every},
            "rule_files": [str(rule) for rule in rules],
            "scrape_configs": [_scrape(job, target) for job, target in targets.items()],
        },
        sort_keys=False,
    )


def _scrape(job: str, target: Target) -> dict[str, object]:
    token = {"authorization": {"credentials_file": str(target.token_file)}} if target.token_file else {}
    return {
        "job_name": job,
        "metrics_path": target.path,
        **token,
        "static_configs": [{"targets": [f"{HOST}:{target.port}"]}],
    }


def arguments(program: Path, config: Path, data: Path, port: int) -> tuple[str, ...]:
    """The command line: it listens on 127.0.0.1, and keeps two days. See PAGE for what people look at."""
    return (
        str(program),
        f"--config.file={config}",
        f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=2d",
        f"--web.listen-address={HOST}:{port}",
        f"--web.console.templates={CONSOLES}",
        f"--web.console.libraries={CONSOLES}",
    )
