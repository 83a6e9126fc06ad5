"""Logs beside a command's answer, not in it."""

from __future__ import annotations

import logging
import sys


def keep_stdout_clean() -> None:
    """Send what Airflow and its providers log to stderr, warnings only: they log to stdout, where the answer stands.

    Call it after Airflow is imported, which is what sets its logs up.
    """
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream is sys.__stdout__ and sys.__stderr__:
            handler.setStream(sys.__stderr__)
            handler.setLevel(logging.WARNING)
