"""What worker processes are forked from has these imported, so that a new one starts within milliseconds.

Without it each would spend seconds of CPU on imports, and a benchmark that kills workers would measure little else.
"""
# ruff: noqa: F401

import benchmarks.fleet
import drivetrain.sheets.catalog
import drivetrain.sheets.worker
import hooks.job_queue
import hooks.pubsub_queue
import hooks.sheets_runner
import hooks.snowflake
import hooks.state
