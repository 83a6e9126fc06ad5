"""What the feature server counts, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

BUCKETS = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0)


class Metrics:
    """Of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.seconds = Histogram(
            "drivetrain_features_request_seconds",
            "From a request's arrival to its answer.",
            ["status"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.redis = Histogram(
            "drivetrain_features_redis_seconds", "Reading Redis.", buckets=BUCKETS, registry=self.registry
        )
        self.requests = Counter(
            "drivetrain_features_requests_total", "Requests by client.", ["client", "status"], registry=self.registry
        )
        self.entities = Counter(
            "drivetrain_features_entities_total", "Entities that were asked for.", registry=self.registry
        )
