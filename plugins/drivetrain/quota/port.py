"""The port of a quota: asked before every call, told of every refusal."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class Kind(StrEnum):
    """Vendors count reads and writes apart."""

    READ = "read"
    WRITE = "write"


class Priority(StrEnum):
    """Who may spend the last of a quota: a reserve is kept for those above normal. Low ones wait behind all others."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class Hold(Protocol):
    """Permission for several calls, waited for at once. What is not used lapses by itself."""

    @property
    def waited_seconds(self) -> float:
        """How long it took to get."""

    def use(self, kind: Kind) -> bool:
        """Spend one of them.

        Returns:
            False: none of that kind is left, or their time is over. Take one then.
        """

    def give_back(self) -> None:
        """Let others have what was not used."""


class Quota(Protocol):
    """Permission for calls of one vendor's API. All methods may be called from several threads."""

    def take(
        self,
        kind: Kind,
        account: str,
        *,
        priority: Priority = Priority.NORMAL,
        patience_seconds: float | None = None,
    ) -> float:
        """Wait until one call may be made, and count it. The call has to be made right after.

        Args:
            kind: read or write.
            account: who makes it; each account has a quota of its own, within the project's.
            priority: of the job.
            patience_seconds: wait no longer than this; None, or more than the quota's own patience: that one.

        Returns:
            Seconds that it waited.

        Raises:
            QuotaExceededError: it would have to wait longer than the caller's patience; nothing was counted, and it
                did not wait. Its retry_after_seconds says how long the wait would be.
        """

    def hold(
        self,
        needs: Mapping[Kind, int],
        account: str,
        *,
        priority: Priority = Priority.NORMAL,
        keep: bool = False,
    ) -> Hold:
        """Wait until several calls may be made, one after the other and without another wait between them.

        Args:
            needs: how many of each kind; if more than may ever be made at once, as many as may.
            account: who makes them.
            priority: of the job.
            keep: they are made within half a minute. Without it within a second, which costs others less.

        Raises:
            QuotaExceededError: see take.
        """

    def refused(self, kind: Kind, account: str, *, retry_after_seconds: float | None) -> None:
        """The vendor refused a call for its quota: slow down, everybody.

        Args:
            kind: of the call.
            account: of the call.
            retry_after_seconds: what the vendor asked for, if it did.
        """


class Unlimited:
    """A quota that lets everything through: for tests and for servers without limits."""

    waited_seconds = 0.0

    def take(
        self,
        kind: Kind,
        account: str,
        *,
        priority: Priority = Priority.NORMAL,
        patience_seconds: float | None = None,
    ) -> float:
        """Never waits."""
        del kind, account, priority, patience_seconds
        return 0.0

    def hold(
        self,
        needs: Mapping[Kind, int],
        account: str,
        *,
        priority: Priority = Priority.NORMAL,
        keep: bool = False,
    ) -> Hold:
        """Itself: there is always another one."""
        del needs, account, priority, keep
        return self

    def use(self, kind: Kind) -> bool:
        """Always."""
        del kind
        return True

    def give_back(self) -> None:
        """Nothing was kept from others."""

    def refused(self, kind: Kind, account: str, *, retry_after_seconds: float | None) -> None:
        """Forgets it."""
        del kind, account, retry_after_seconds
