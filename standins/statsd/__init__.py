"""Stands in for prom/statsd-exporter: StatsD comes in by UDP, Prometheus reads /metrics.

It applies the same mapping file: https://github.com/prometheus/statsd_exporter#metric-mapping-and-configuration

What it is not: no TCP or Unix socket, no relay, no tags of Librato or SignalFX, no reload, and fewer numbers about
itself. A summary's quantiles are exact, over its latest 10,000 values of ten minutes; the exporter's are estimates.
"""
