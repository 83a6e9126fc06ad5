"""fake-gcs-server, a Go program that speaks Google Cloud Storage's JSON API, found and started for tests.

It is not Google: it keeps objects in memory, checks no key and no role, and ignores preconditions of deletes.
https://github.com/fsouza/fake-gcs-server
"""
