"""All logs of a quota in one process' memory. Knows no clock and never sleeps: whoever asks says what time it is.

hooks/sheets_quota_scripts.py is the same machine in Redis; a test lets both play the same games.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from drivetrain.quota.limits import Limits, Scope, project_of
from drivetrain.quota.port import Kind, Priority
from drivetrain.quota.slowdown import Brake
from drivetrain.quota.windows import MICROSECONDS, Room, Shape, earliest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# What an entry of a log is, by its name's first letter.
CALL, LOW, KEPT, KEPT_END = "c", "l", "k", "e"
# Refusals of two accounts within this part of a window are the project's.
TOGETHER = 6


@dataclass(frozen=True)
class Ticket:
    """Calls that are booked together.

    Attributes:
        needs: calls of each kind.
        keep: they may be made until `Limits.keep_seconds` after their moment, see windows.Shape.
        id: the same for as long as it waits.
    """

    account: str
    needs: Mapping[Kind, int]
    priority: Priority = Priority.NORMAL
    keep: bool = False
    id: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def mark(self) -> str:
        """Its entries' first letter. Those of low priority may be pushed aside, unless they are kept."""
        return KEPT if self.keep else LOW if self.priority is Priority.LOW else CALL

    def entries(self, kind: Kind) -> list[str]:
        """The names under which it stands in its logs."""
        return [f"{self.mark}{self.id}:{i}" for i in range(self.needs[kind])]


@dataclass(frozen=True)
class Answer:
    """Of a question for permission.

    Attributes:
        wait: microseconds until the calls may be made, 0: now.
        is_booked: False: that was longer than the patience, and nothing is booked.
        ticket: as it was booked, which may be fewer calls than were asked for.
    """

    wait: int
    is_booked: bool
    ticket: Ticket


@dataclass(frozen=True)
class Times:
    """Limits' times in microseconds."""

    window: int
    grace: int
    keep: int

    @staticmethod
    def of(limits: Limits) -> Times:
        """The window is longer by the grace, see Limits."""
        grace = round(limits.grace_seconds * MICROSECONDS)
        return Times(
            window=round(limits.window_seconds * MICROSECONDS) + grace,
            grace=grace,
            keep=round(limits.keep_seconds * MICROSECONDS),
        )


def log_names(kind: Kind, account: str) -> dict[Scope, str]:
    """The two logs that a call stands in, within its project."""
    return {Scope.PROJECT: kind.value, Scope.ACCOUNT: f"{kind.value}:{account}"}


def fitted(ticket: Ticket, limits: Limits) -> Ticket:
    """The ticket, cut to what may ever be booked at once."""
    if not ticket.keep and all(count == 1 for count in ticket.needs.values()):
        return ticket
    most = {
        kind: min(limits.allowed(kind, scope, ticket.priority) for scope in Scope)
        for kind, count in ticket.needs.items()
        if count > 0
    }
    keep = ticket.keep and all(limit >= 2 for limit in most.values())
    needs = {kind: min(ticket.needs[kind], limit // 2 if keep else limit) for kind, limit in most.items()}
    return Ticket(ticket.account, needs, ticket.priority, keep, ticket.id)


class Ledger:
    """Books calls; see `windows` for why no window gets more than its limit."""

    def __init__(self, limits: Limits) -> None:
        self.limits, self.times = limits, Times.of(limits)
        # project -> log -> entry -> its moment in microseconds
        self._logs: dict[str, dict[str, dict[str, int]]] = {}
        self._brakes: dict[tuple[str, str], Brake] = {}
        self._refused: dict[tuple[str, Kind], tuple[str, int]] = {}
        self._swept_at = 0

    def ask(self, ticket: Ticket, now: int, patience: int) -> Answer:
        """Book the earliest moment, or say how long a booked one still has to wait.

        A waiter asks again when its moment has come. Mostly that says "now"; if it was pushed aside, or the account was
        closed meanwhile, or the waiter overslept, it is booked anew.

        Args:
            ticket: more than may ever be booked at once is cut off, see `fitted`.
            now: in microseconds.
            patience: the longest wait, in microseconds.
        """
        ticket = fitted(ticket, self.limits)
        for _, _, name in self._all_logs(ticket):
            self._forget(self._log(ticket.account, name), now)
        opens = max(self._brake(ticket.account, name).closed_until for _, _, name in self._all_logs(ticket))
        booked = self._booked(ticket)
        if booked is not None and opens <= max(booked, now) and now <= booked + self.times.grace // 2:
            return Answer(max(booked - now, 0), is_booked=True, ticket=ticket)
        self.give_back(ticket, ticket.needs)
        moment = self._earliest(ticket, max(opens, now), now, without_low=False)
        if moment > now and ticket.priority is not Priority.LOW:
            sooner = self._earliest(ticket, max(opens, now), now, without_low=True)
            if sooner < moment:
                moment = sooner
                self._push_low_aside(ticket, now)
        if moment - now > patience:
            return Answer(moment - now, is_booked=False, ticket=ticket)
        self.note(ticket, now, moment - now)
        return Answer(moment - now, is_booked=True, ticket=ticket)

    def note(self, ticket: Ticket, now: int, wait: int) -> None:
        """Enter calls of a moment in so many microseconds from now, room or not."""
        if now > self._swept_at + self.times.window:
            self.sweep(now)
        moment = now + wait
        for kind, _, name in self._all_logs(ticket):
            log = self._log(ticket.account, name)
            for entry in ticket.entries(kind):
                log[entry] = moment
                if ticket.keep:
                    log[KEPT_END + entry[1:]] = moment + self.times.keep

    def spend(self, ticket: Ticket, kind: Kind, index: int, now: int) -> bool:
        """Make a kept call now. False: it is no longer kept."""
        name, ok = f"{ticket.id}:{index}", True
        for log_name in log_names(kind, ticket.account).values():
            log = self._log(ticket.account, log_name)
            begun = log.pop(KEPT + name, None)
            log.pop(KEPT_END + name, None)
            if begun is None or begun + self.times.keep < now:
                ok = False
            else:
                log[CALL + name] = now
        return ok

    def give_back(self, ticket: Ticket, left: Mapping[Kind, int]) -> None:
        """Strike out the first `left` calls of each kind."""
        for kind, count in left.items():
            for log_name in log_names(kind, ticket.account).values():
                log = self._log(ticket.account, log_name)
                for entry in ticket.entries(kind)[:count]:
                    log.pop(entry, None)
                    log.pop(KEPT_END + entry[1:], None)

    def refused(self, kind: Kind, account: str, now: int, retry_after: int | None) -> None:
        """Slow the account down; the project too, if another account of it was refused just before."""
        names, project = log_names(kind, account), project_of(account)
        who, when = self._refused.get((project, kind), (account, 0))
        slowed = [Scope.ACCOUNT]
        if who != account and now - when <= self.times.window // TOGETHER:
            slowed.append(Scope.PROJECT)
        for scope in slowed:
            self._brakes[project, names[scope]] = self._brake(account, names[scope]).refused(
                now, retry_after, self.times.window
            )
        self._refused[project, kind] = (account, now)

    def sweep(self, now: int) -> None:
        """Drop what no window needs any more, of idle accounts too."""
        self._swept_at = now
        for logs in self._logs.values():
            for name in list(logs):
                self._forget(logs[name], now)
                if not logs[name]:
                    del logs[name]

    def calls(self) -> Iterator[tuple[str, str, dict[str, int]]]:
        """(project, log, its entries with their moments), all of them."""
        for project, logs in self._logs.items():
            for name, log in logs.items():
                yield project, name, dict(log)

    def _forget(self, log: dict[str, int], now: int) -> None:
        """Drop what is in no window any more, and what was kept and not used in its time."""
        oldest = now - self.times.window
        for entry in [entry for entry, moment in log.items() if moment <= oldest or self._lapsed(entry, moment, now)]:
            del log[entry]

    def _lapsed(self, entry: str, moment: int, now: int) -> bool:
        if entry[0] == KEPT:
            return moment + self.times.keep < now
        return entry[0] == KEPT_END and moment < now

    def _earliest(self, ticket: Ticket, at: int, now: int, *, without_low: bool) -> int:
        rooms = []
        for kind, scope, name in self._all_logs(ticket):
            shape = Shape(ticket.needs[kind], self.times.keep if ticket.keep else 0)
            limit = self.limits.allowed(kind, scope, ticket.priority)
            limit = self._brake(ticket.account, name).limit(limit, now, self.times.window)
            entries = self._log(ticket.account, name).items()
            times = sorted(t for entry, t in entries if not (without_low and entry[0] == LOW and t > now))
            rooms.append(Room(times, max(limit, shape.most), shape))
        return earliest(rooms, at, self.times.window)

    def _push_low_aside(self, ticket: Ticket, now: int) -> None:
        for _, _, name in self._all_logs(ticket):
            log = self._log(ticket.account, name)
            for entry in [entry for entry, t in log.items() if entry[0] == LOW and t > now]:
                del log[entry]

    def _booked(self, ticket: Ticket) -> int | None:
        """Its moment; None if it is not in every log of its own."""
        moments = {
            self._log(ticket.account, name).get(entry)
            for kind, _, name in self._all_logs(ticket)
            for entry in ticket.entries(kind)
        }
        return moments.pop() if len(moments) == 1 else None

    def _all_logs(self, ticket: Ticket) -> Iterator[tuple[Kind, Scope, str]]:
        for kind in ticket.needs:
            for scope, name in log_names(kind, ticket.account).items():
                yield kind, scope, name

    def _log(self, account: str, name: str) -> dict[str, int]:
        return self._logs.setdefault(project_of(account), {}).setdefault(name, {})

    def _brake(self, account: str, name: str) -> Brake:
        return self._brakes.get((project_of(account), name), Brake())
