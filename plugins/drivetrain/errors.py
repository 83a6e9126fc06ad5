"""Errors by what happens next: tried again, never tried again.

Messages are one line and name the thing, the key and the fix, since they are read in an Airflow log by the
person who has to act on them.
"""

from __future__ import annotations


class DrivetrainError(Exception):
    """Anything that this project raises on purpose."""


class RetriableError(DrivetrainError):
    """The same call may succeed later.

    Args:
        message: one line for the reader of the log.
        retry_after_seconds: what the other side asked for, if it did.
    """

    def __init__(self, message: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class FatalError(DrivetrainError):
    """No retry can help: somebody has to change something first."""


class QuotaExceededError(RetriableError):
    """The other side counted too many calls; the call had no effect."""


class UnavailableError(RetriableError):
    """The call is known to have had no effect: it never reached the other side, or was a read."""


class AmbiguousWriteError(RetriableError):
    """A write was sent and its answer never came: it may or may not have happened.

    Sending it again blindly could double its effect. Look at the target first.
    """


class SpecError(FatalError):
    """A spec file is wrong."""


class CredentialsError(FatalError):
    """A key is expired, revoked or unreadable."""


class AccessDeniedError(FatalError):
    """The account is known, and not allowed."""


class TargetMissingError(FatalError):
    """The workbook, tab or table that a spec names is not there."""


class RequestRejectedError(FatalError):
    """The other side understood the request and refused it as a whole."""


class SchemaDriftError(FatalError):
    """Source, spec and target no longer agree on columns or types."""


class LimitError(FatalError):
    """The result would break a limit of the target; nothing was written."""


class GuardError(FatalError):
    """The change is larger than the spec allows; nothing was written."""


class SourceError(FatalError):
    """The source refused the query."""
