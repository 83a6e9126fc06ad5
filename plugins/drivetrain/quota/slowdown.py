"""What a refusal does: a pause, then half the rate, which comes back slowly.

The limits that we know may not be the whole truth: a project's owner lowers its quota, or a program that we don't know
spends it too. So a refusal closes the account for the time that the vendor asks for, or for a pause that doubles with
every further one, and halves what may be spent in a window; each window without one gives a tenth back (additive
increase, multiplicative decrease: https://en.wikipedia.org/wiki/Additive_increase/multiplicative_decrease ).

hooks/sheets_quota_scripts.py does the same in Redis. Whole numbers only, so that both come to the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

WHOLE = 1_000_000  # shares are millionths
LEAST = 50_000
RECOVERY = 100_000  # a window
PAUSES = 12  # the first pause is this part of a window
LONGEST_PAUSE = 3600 * 1_000_000  # microseconds: whatever a server asks for


@dataclass(frozen=True)
class Brake:
    """How slow one account's or project's calls are.

    Attributes:
        closed_until: no call before it, in microseconds.
        share: of the limit, in millionths, when it opened again.
        since: when that was.
    """

    closed_until: int = 0
    share: int = WHOLE
    since: int = 0

    def share_at(self, now: int, window: int) -> int:
        """The share of the limit that may be spent now."""
        return min(self.share + max(now - self.since, 0) * RECOVERY // window, WHOLE)

    def limit(self, limit: int, now: int, window: int) -> int:
        """What is left of a limit; at least one call."""
        return max(limit * self.share_at(now, window) // WHOLE, 1)

    def refused(self, now: int, retry_after: int | None, window: int) -> Brake:
        """After one more refusal. Several while it is closed count as one: those calls were on their way."""
        asked = None if retry_after is None else min(retry_after, LONGEST_PAUSE)
        if now < self.closed_until:
            return replace(self, closed_until=max(self.closed_until, now + (asked or 0)))
        share = self.share_at(now, window)
        pause = min(window // PAUSES * WHOLE // share, window) if asked is None else asked
        return Brake(now + pause, max(share // 2, LEAST), now + pause)
