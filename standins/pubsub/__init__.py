"""Google's own Pub/Sub emulator, found and started for tests. It comes with the Google Cloud SDK, not with this code.

It is not Pub/Sub: it keeps all in memory and says nothing of speed, cost, quotas or permissions.
"""
