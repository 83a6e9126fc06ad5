"""Debian's Prometheus, unpacked and not installed: the package's service would listen on all addresses."""
