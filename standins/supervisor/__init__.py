"""Starts, watches and stops the processes of the local platform.

Knows nothing of Airflow or of any other service: those are declared as data in `standins.platform.services`.
"""
