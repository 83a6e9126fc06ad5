"""Requests as Prometheus' metrics; needs prometheus-client: drivetrain-triton[prometheus]."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram

if TYPE_CHECKING:
    from drivetrain_triton.telemetry.outcome import Outcome

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class PrometheusObserver:
    """Counts requests, and what they took. Models and servers are few, so each has its own.

    Args:
        registry: where the metrics are; None: the process'.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        registry = registry or REGISTRY
        self._requests = Counter(
            "triton_client_requests",
            "Requests to servers, each attempt of a call for itself.",
            ("what", "model", "server", "result"),
            registry=registry,
        )
        self._again = Counter(
            "triton_client_retries",
            "Requests that were sent again after these.",
            ("model", "server"),
            registry=registry,
        )
        self._seconds = Histogram(
            "triton_client_seconds",
            "What requests took.",
            ("what", "model", "server"),
            buckets=_SECONDS,
            registry=registry,
        )

    def __call__(self, outcome: Outcome) -> None:
        """Count it."""
        self._requests.labels(outcome.what, outcome.model, outcome.server, outcome.result).inc()
        self._seconds.labels(outcome.what, outcome.model, outcome.server).observe(outcome.seconds)
        if not outcome.is_last:
            self._again.labels(outcome.model, outcome.server).inc()
