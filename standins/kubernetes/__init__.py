"""A real Kubernetes for the tests: one node, built from Debian's source package, in namespaces of its own.

Its processes, mounts, bridges and firewall rules live in Linux namespaces that belong to one process. When that ends,
the kernel takes all of them away. The machine's own network, firewall and kernel settings are never changed.
"""
