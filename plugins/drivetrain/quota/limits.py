"""How many calls a vendor lets through, and how much of that is whose."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any

from drivetrain.errors import FatalError
from drivetrain.quota.port import Kind, Priority


class Scope(StrEnum):
    """Whose calls are counted together."""

    PROJECT = "project"
    ACCOUNT = "account"


@dataclass(frozen=True)
class Limits:
    """Calls in a window; the defaults are https://developers.google.com/workspace/sheets/api/limits .

    Attributes:
        project_reads: of all accounts of a project together.
        project_writes: likewise.
        account_reads: of one account; the page calls it "per user per project".
        account_writes: likewise.
        window_seconds: how long a window is.
        reserve_share: the share that only priorities above normal may spend.
        grace_seconds: the longest that a call may take from its permission to the server's count. The window is
            reckoned longer by it, so calls that are on their way for differently long can't meet in one.
        keep_seconds: how long a kept permission is good for; less than the window.
    """

    project_reads: int = 300
    project_writes: int = 300
    account_reads: int = 60
    account_writes: int = 60
    window_seconds: float = 60.0
    reserve_share: float = 0.2
    grace_seconds: float = 2.0
    keep_seconds: float = 30.0

    def __post_init__(self) -> None:
        for name in ("project_reads", "project_writes", "account_reads", "account_writes"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: {getattr(self, name)} is less than one call")
        if not 0 <= self.reserve_share < 1:
            raise ValueError(f"reserve_share: {self.reserve_share} is not from 0 up to 1")
        if self.grace_seconds < 0 or not 0 <= self.keep_seconds < self.window_seconds:
            raise ValueError("grace_seconds is at least 0, and keep_seconds from 0 up to window_seconds")

    @staticmethod
    def parse(document: object, *, where: str) -> Limits:
        """From a connection's extra.

        Args:
            document: an object with any of the attributes.
            where: what the document is part of, for messages.

        Raises:
            FatalError: a key is unknown or its value is not a number in its range.
        """
        if not isinstance(document, dict):
            raise FatalError(f'{where}: {document!r:.80} is not an object, such as {{"account_reads": 60}}')
        known = {field.name: field.type for field in fields(Limits)}
        if unknown := sorted(set(document) - set(known)):
            raise FatalError(f"{where}: unknown key {', '.join(unknown)}; known: {', '.join(known)}")
        given: dict[str, Any] = {}
        for name, value in document.items():
            whole = known[name] == "int"
            if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
                raise FatalError(f"{where}: {name}: {value!r} is not a {'whole number' if whole else 'number'}")
            given[name] = value
        try:
            return replace(Limits(), **given)
        except ValueError as error:
            raise FatalError(f"{where}: {error}") from None

    def allowed(self, kind: Kind, scope: Scope, priority: Priority) -> int:
        """Calls in any window after which a caller of this priority has to wait; at least one."""
        reads, writes = (
            (self.project_reads, self.project_writes)
            if scope is Scope.PROJECT
            else (self.account_reads, self.account_writes)
        )
        whole = reads if kind is Kind.READ else writes
        if priority is Priority.HIGH:
            return whole
        return max(math.floor(whole * (1 - self.reserve_share) + 1e-9), 1)

    def shared_by(self, processes: int) -> Limits:
        """What one of several processes may spend if they do not know of each other.

        Together they keep to the limits, as long as no limit is smaller than the number of processes: one call in a
        window is the least.
        """
        return replace(
            self,
            project_reads=max(self.project_reads // processes, 1),
            project_writes=max(self.project_writes // processes, 1),
            account_reads=max(self.account_reads // processes, 1),
            account_writes=max(self.account_writes // processes, 1),
        )


def project_of(account: str) -> str:
    """The project whose quota a service account spends: its address ends in it.

    https://cloud.google.com/iam/docs/service-account-overview : name@project.iam.gserviceaccount.com
    """
    return account.rpartition("@")[2]
