"""Syncs of one workbook from end to end: look, decide, write once, and look again when an answer was lost.

Syncs that write the same workbook go together: one look serves all of them and one batch carries all that fits,
since Google counts calls and not cells. One that fails, fails alone.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import tenacity

from drivetrain.errors import AmbiguousWriteError, DrivetrainError, RequestRejectedError, RetriableError
from drivetrain.jobs.clock import utc_now
from drivetrain.sheets import calls
from drivetrain.sheets.job import GroupResult, SyncJob
from drivetrain.sheets.observe import METADATA_FIELDS
from drivetrain.sheets.port import Settings, StalePlanError
from drivetrain.sheets.run import SyncRun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any

    from drivetrain.jobs.clock import Clock
    from drivetrain.sheets.memory import Remembered, SyncMemory
    from drivetrain.sheets.outcome import SyncOutcome
    from drivetrain.sheets.port import SheetsPort

__all__ = ["GroupResult", "SyncJob", "run_group", "run_sync"]

DEFAULTS = Settings()
_MAX_RANGE_CHARACTERS = 2_000  # they stand in the URL, percent-encoded; servers take about 8,000
# Looks that only a wait for the quota makes necessary. Each is made with permission for its calls and a batch in hand.
_STALE_LOOKS = 8


def run_sync(
    job: SyncJob,
    port: SheetsPort,
    *,
    settings: Settings = DEFAULTS,
    log: Callable[[str], None] = lambda _: None,
    memory: SyncMemory | None = None,
) -> SyncOutcome:
    """Bring one tab in line with one query.

    Args:
        job: the sync.
        port: Google Sheets.
        settings: sizes and patience.
        log: told what happens, one line a step.
        memory: see run_group.

    Raises:
        FatalError: something has to be changed first; nothing was written.
        RetriableError: try the whole run again later.
    """
    result = run_group([job], port, settings=settings, log=log, memory=memory)
    for error in result.errors.values():
        raise error
    return result.outcomes[job.spec.sync]


def run_group(
    jobs: Sequence[SyncJob],
    port: SheetsPort,
    *,
    settings: Settings = DEFAULTS,
    log: Callable[[str], None] = lambda _: None,
    memory: SyncMemory | None = None,
    clock: Clock = utc_now,
) -> GroupResult:
    """Bring several tabs of one workbook in line with their queries, in as few calls as possible.

    Args:
        jobs: syncs of one workbook, each once.
        port: Google Sheets.
        settings: sizes and patience.
        log: told what happens, one line a step.
        memory: told what each sync left behind, before each write and at the end. Whoever keeps one has to give it
            here at every run that is no dry run: what it does not hear of, it can't take into account.
        clock: for what is remembered.

    Returns:
        An outcome or an error for each job. Errors that are not ours propagate.
    """
    if len({job.spec.target.spreadsheet_id for job in jobs}) > 1:
        raise ValueError("a group's syncs write one workbook")
    with ExitStack() as stack:
        return _Group(jobs, port, settings, log, memory, clock, stack).run()


class _LookAgain(Exception):  # noqa: N818 - a signal to the retry loop, no error
    """Some writes' fate is unknown."""


class _Group:
    def __init__(
        self,
        jobs: Sequence[SyncJob],
        port: SheetsPort,
        settings: Settings,
        log: Callable[[str], None],
        memory: SyncMemory | None,
        clock: Clock,
        stack: ExitStack,
    ) -> None:
        settings = replace(settings, spool_bytes=settings.spool_bytes // max(len(jobs), 1))
        self.port, self.settings, self.log, self.memory = port, settings, log, memory
        self.result = GroupResult()
        self.remembered: list[Remembered] = []
        self.spreadsheet_id = jobs[0].spec.target.spreadsheet_id if jobs else ""
        self.pending: list[SyncRun] = []
        self.causes: dict[str, DrivetrainError] = {}
        self.tries = 0
        self.is_outdated = False
        for job in jobs:
            opened_at = clock()
            try:
                source = stack.enter_context(job.open_source())
                run = SyncRun(job, source, opened_at, settings, log, clock)
            except DrivetrainError as error:
                self.result.errors[job.spec.sync] = error
                continue
            stack.callback(run.close)
            self.pending.append(run)

    def run(self) -> GroupResult:
        jittered = tenacity.wait_random_exponential(multiplier=self.settings.wait_seconds, max=30)
        again = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_LookAgain),
            stop=self._is_enough,
            wait=lambda state: 0 if self._waited_only() else jittered(state),
        )
        self._read_early()
        try:
            again(self._pass)
        except tenacity.RetryError:
            for run in self.pending:
                self.result.errors[run.spec.sync] = self.causes[run.spec.sync]
        self._save()
        return self.result

    def _read_early(self) -> None:
        """Let go of the syncs whose queries say what they said the last time: the sheet need not be looked at."""
        kept = 0
        for run in self.pending:
            if run.recall.may_skip and kept < self.settings.early_rows:
                with _Guarded(self, run):
                    kept += run.read_early()
                self._settle(run)
        self.pending = [run for run in self.pending if run.done is None and self._alive(run)]

    def _save(self) -> None:
        """Remember the good ends; without it they are forgotten, and the next run looks again."""
        if self.memory is None or not self.remembered:
            return
        try:
            self.memory.save(self.remembered)
        except RetriableError as error:
            self.log(f"{error}; the next run of these syncs looks at their sheet")

    def _pass(self) -> None:
        """Look, plan and write once; what stays pending has to be looked at again."""
        runs, self.pending = self.pending, []
        self.is_outdated = False
        if runs:
            self._look(runs)
        self._write(self._changes(runs))
        if self.pending:
            self.tries += not self._waited_only()
            raise _LookAgain

    def _is_enough(self, state: tenacity.RetryCallState) -> bool:
        most = self.settings.attempts
        return self.tries >= most or state.attempt_number >= most + _STALE_LOOKS

    def _waited_only(self) -> bool:
        """Whether nothing went wrong: plans got old while batches waited for the quota, and it is our turn now."""
        return all(isinstance(self.causes[run.spec.sync], StalePlanError) for run in self.pending)

    def _changes(self, runs: Sequence[SyncRun]) -> Iterator[tuple[SyncRun, calls.Change]]:
        """What has to be written, one at a time, so that no more than a batch of it is in memory."""
        planned = calls.Planned()
        for run in runs:
            if not self._alive(run):
                continue
            change = None
            with _Guarded(self, run):
                change = run.plan()
                if change is not None:
                    self._prepare(run, change, planned)
                    if not run.dry_run:
                        run.save_rejects()
            self._settle(run)
            if change is not None and run.done is None and self._alive(run):
                yield run, change

    def _prepare(self, run: SyncRun, change: calls.Change, planned: calls.Planned) -> None:
        """Decide how a change will be sent, and refuse it where it would break a limit."""
        most = self.settings.max_request_bytes
        parts = calls.inline_parts(change, most)
        stage = None if parts is not None else calls.staged(change, most)
        planned.check(change, stage)
        run.prepared(parts, stage)

    def _look(self, runs: Sequence[SyncRun]) -> None:
        """One read of the workbook, and as few as possible of the tabs."""
        reads = self.port.usage.read_calls
        try:
            answer = self.port.get_workbook(self.spreadsheet_id, METADATA_FIELDS)
            for run in runs:
                with _Guarded(self, run):
                    run.locate(answer)
            self._read([run for run in runs if self._alive(run)])
            narrowed = []
            for run in runs:
                if self._alive(run):
                    with _Guarded(self, run):
                        if run.decide():
                            run.locate(answer)
                            narrowed.append(run)
            self._read(narrowed)
            for run in narrowed:
                with _Guarded(self, run):
                    run.decide()
        except DrivetrainError as error:  # a read that failed for good fails every sync that waits for it
            for run in runs:
                if self._alive(run):
                    self._fail(run, error)
        runs[0].read_calls += self.port.usage.read_calls - reads

    def _read(self, runs: Sequence[SyncRun]) -> None:
        """Read the blocks of all runs, several in one call up to the settings' size, each run's in their order."""
        batch: list[tuple[SyncRun, str, int]] = []
        cells = characters = 0
        for run in runs:
            for where, rows, size in run.blocks():
                full = cells + size > self.settings.read_cells or characters + len(where) > _MAX_RANGE_CHARACTERS
                if batch and full:
                    self._read_batch(batch)
                    batch, cells, characters = [], 0, 0
                batch.append((run, where, rows))
                cells += size
                characters += len(where)
        if batch:
            self._read_batch(batch)

    def _read_batch(self, batch: Sequence[tuple[SyncRun, str, int]]) -> None:
        answers = self.port.read_values(self.spreadsheet_id, [where for _, where, _ in batch])
        for (run, _, rows), values in zip(batch, answers, strict=True):
            run.absorb(values, rows)

    def _write(self, changes: Iterable[tuple[SyncRun, calls.Change]]) -> None:
        together: list[tuple[SyncRun, calls.Change]] = []
        size = 0
        for run, change in changes:
            if run.parts is None:
                self._send([run], partial(self._send_staged, run, change))
                continue
            own = sum(len(part) + 1 for part in run.parts)
            if together and size + own > self.settings.max_request_bytes:
                self._send_together([run for run, _ in together])
                together, size = [], 0
            together.append((run, change))
            size += own
        if together:
            self._send_together([run for run, _ in together])

    def _send_together(self, runs: Sequence[SyncRun]) -> None:
        body = calls.batch_body(part for run in runs for part in run.parts or ())
        try:
            self._send(runs, lambda: self.port.batch_update(self.spreadsheet_id, body))
        except RequestRejectedError:
            # Google names one sub-request and refuses all: let each sync stand for itself.
            for run in runs:
                self._send_together([run])

    def _send_staged(self, run: SyncRun, change: calls.Change) -> None:
        stage = run.stage
        if stage is None:
            return
        self.port.batch_update(self.spreadsheet_id, stage.open_body)
        for number, (where, chunk) in enumerate(calls.chunk_bodies(change, stage, self.settings.max_request_bytes), 1):
            self.log(f"{run.spec.sync}: staging {number} of {stage.chunks}: {where}")
            self.port.put_values(self.spreadsheet_id, where, chunk)
        for left in reversed(range(_STALE_LOOKS)):
            try:
                self.port.batch_update(self.spreadsheet_id, stage.commit_body)
            except StalePlanError:
                # Staging again would wait as long again: go on if the tab still asks for what is staged.
                if not left or not self._plans_the_same(run, change):
                    raise
            else:
                return

    def _plans_the_same(self, run: SyncRun, change: calls.Change) -> bool:
        """Look again, at one tab, and compare what that leads to. What else this pass has planned is out of date."""
        self.is_outdated = True
        reads = self.port.usage.read_calls
        run.locate(self.port.get_workbook(self.spreadsheet_id, METADATA_FIELDS))
        self._read([run])
        run.read_calls += self.port.usage.read_calls - reads
        again = None if run.decide() else run.plan()
        if again is None:
            run.done = None  # the next look finds that out once more, and removes what is staged
            return False
        if change.region.is_new and again.region.is_new:
            return True
        one, other = (
            (each.region, each.columns, each.header, each.plan, each.marker, each.workbook.marker_exists)
            for each in (change, again)
        )
        return one == other

    def _send(self, runs: Sequence[SyncRun], send: Callable[[], None]) -> None:
        writes, sent = self.port.usage.write_calls, self.port.usage.bytes_sent
        if self.is_outdated:
            self._later(runs, StalePlanError("a batch before this one had to wait for the quota"))
            return
        try:
            self._announce(runs)
            send()
        except AmbiguousWriteError as error:
            self._later(runs, error)
        except StalePlanError as error:
            for run in runs:
                run.not_sent()
            self._later(runs, error)
        except RequestRejectedError as error:
            if len(runs) > 1:
                raise
            # The workbook may have changed between our look and our write: look once more. A second refusal is real.
            run = runs[0]
            run.refused += 1
            if run.refused > 1:
                self._fail(run, error)
            else:
                self._later(runs, error)
        except DrivetrainError as error:
            for run in runs:
                self._fail(run, error)
        else:
            for run in runs:
                run.written()
        finally:
            runs[0].write_calls += self.port.usage.write_calls - writes
            runs[0].bytes_sent += self.port.usage.bytes_sent - sent
            for run in runs:
                self._settle(run)

    def _announce(self, runs: Sequence[SyncRun]) -> None:
        """Remember what is about to be written: a write that nobody remembers must not pass for no write."""
        if self.memory is not None:
            self.memory.writing(
                [run.remembered for run in runs if run.remembered is not None],
                {run.spec.sync: run.content_before for run in runs},
            )

    def _later(self, runs: Sequence[SyncRun], error: DrivetrainError) -> None:
        for run in runs:
            self.log(f"{run.spec.sync}: {error}; looking again")
            self.causes[run.spec.sync] = error
            self.pending.append(run)

    def _fail(self, run: SyncRun, error: DrivetrainError) -> None:
        self.result.errors[run.spec.sync] = error
        run.close()

    def _alive(self, run: SyncRun) -> bool:
        return run.spec.sync not in self.result.errors

    def _settle(self, run: SyncRun) -> None:
        """Give an outcome its calls, once all of them are counted, and forget its rows."""
        if run.done is not None and run.spec.sync not in self.result.errors:
            self.result.outcomes[run.spec.sync] = run.with_usage(run.done)
            if run.done.warning:
                self.log(f"{run.spec.sync}: {run.done.warning}")
            if run.remembered is not None and not run.dry_run:
                self.remembered.append(run.remembered)
            run.close()


class _Guarded:
    """One sync's failure is its own."""

    def __init__(self, group: _Group, run: SyncRun) -> None:
        self._group, self._run = group, run

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> bool:
        if isinstance(error, DrivetrainError):
            self._group._fail(self._run, error)
            return True
        return False
