"""The Triton SDK's errors as ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drivetrain.errors import FatalError, RetriableError

if TYPE_CHECKING:
    from drivetrain_triton import TritonError


def told(error: TritonError) -> FatalError | RetriableError:
    """The SDK's error as one of ours.

    A model that failed may have failed for what it was sent, and a lost answer may be found the next time: tasks are
    tried again for both, as often as their retries say.
    """
    is_sure = error.is_surely_not_run and not error.may_do_better
    return FatalError(str(error)) if is_sure else RetriableError(str(error))
