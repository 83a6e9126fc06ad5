"""Airflow's bundle of a git branch, but one that goes on only to commits which stop nothing that runs.

Airflow 3.3 takes every commit of the branch. When a file of it raises, all DAGs of that file are stale at once: no run
of them starts, those that run stop, and a trigger is refused. docs/adr/0013 has the decision, docs/GIT.md the flow.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import tempfile
import time
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
from airflow.providers.git.bundles.git import GitDagBundle
from git import Repo

from drivetrain.dags.commit import Commit
from drivetrain.dags.guard import Verdict, judge_move, unchecked
from drivetrain.dags.parsed import Parsed
from drivetrain.errors import RetriableError, TargetMissingError
from hooks.dag_parser import DagParser, UnparsableError
from hooks.git_commits import GitCommits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drivetrain.alerts.alert import Alert

VERDICT_FILE = "verdict.json"
# The parser holds Airflow in memory; after a push another one is likely, and after a quarter of an hour it is not.
_IDLE_SECONDS = 900.0
_PARSE_SECONDS = 150.0
_CONTENT = "include/"
_TOUCH_SECONDS = (0.0, 10.0, 30.0)

log = structlog.get_logger(__name__)


class GuardedGitDagBundle(GitDagBundle):
    """Keeps the last good commit where a new one would stop DAGs; says so in verdict.json and to the alert channels.

    A task's bundle has a version and is not concerned. The arguments on top of GitDagBundle's:

    Args:
        patience_seconds: that a refresh, which holds up the DAG processor, waits for a verdict. One that takes longer
            is looked for at the next refresh, and the last good commit stays until then.
        state_conn_id: Postgres, for the alerts.
        is_guarded: False: take every commit, as GitDagBundle does.
    """

    def __init__(
        self,
        *,
        patience_seconds: float = 15.0,
        state_conn_id: str = "drivetrain_state",
        is_guarded: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._patience_seconds, self._state_conn_id = patience_seconds, state_conn_id
        self._is_guarded = is_guarded and self.version is None
        self._is_fresh = False
        self._parser = DagParser(timeout_seconds=_PARSE_SECONDS)
        self._asked: tuple[str, tempfile.TemporaryDirectory[str], float] | None = None
        self._used_at = 0.0
        self._parsed: dict[str, Parsed] = {}
        self._verdict: Verdict | None = None
        self._untold: tuple[tuple[Alert, ...], bool] | None = None
        self._touches: list[float] = []

    def initialize(self) -> None:
        """See GitDagBundle. A clone that was just made has the branch's tip, which may be what was refused."""
        self._is_fresh = self._is_guarded and not self.repo_path.exists()
        super().initialize()

    def refresh(self) -> None:
        """Fetch, and go on to the tip of the branch unless it would stop something that runs."""
        if not self._is_guarded:
            super().refresh()
            return
        with self.lock(), self.hook.configure_hook_env() if self.hook else nullcontext():
            self._fetch_bare_repo()  # type: ignore[no-untyped-call]  # Airflow gives it no types
            good, tip = self._good(), self._tip()
        # Without the lock: tasks that start on this machine wait for it.
        verdict = self._judged(good, tip)
        stays = good is not None and (verdict is None or verdict.is_refused)
        with self.lock():
            self._go_to(good if good and stays else tip)
            self._have_parsed()
        if verdict is not None:
            self._settle(good or tip, verdict)
        self._tell()
        if not self._asked and time.monotonic() > self._used_at + _IDLE_SECONDS:
            self._parser.close()

    def _tip(self) -> str:
        commits = GitCommits(self.bare_repo_path)
        try:
            return commits.sha(f"refs/heads/{self.tracking_ref}")
        except TargetMissingError:
            return commits.sha(self.tracking_ref)

    def _good(self) -> str | None:
        """What runs: the checkout; where that was just made, what Airflow ran the last time."""
        if not self._is_fresh:
            return GitCommits(self.repo_path).sha("HEAD")
        version = self._version_in_airflow()
        try:
            return GitCommits(self.bare_repo_path).sha(version) if version else None
        except TargetMissingError:
            return None  # the branch was written anew, and what ran is gone

    def _version_in_airflow(self) -> str | None:
        import sqlalchemy as sa
        from airflow.models.dagbundle import DagBundleModel
        from airflow.utils.session import create_session

        try:
            with create_session() as session:
                return session.scalar(sa.select(DagBundleModel.version).where(DagBundleModel.name == self.name))
        except RuntimeError:  # a process that may not ask Airflow's database: it runs no DAG processor
            return None

    def _judged(self, good: str | None, tip: str) -> Verdict | None:
        if good is None or good == tip:
            return self._verdict if self._verdict and self._verdict.sha == tip else Verdict(tip)
        if self._verdict and self._verdict.sha == tip:
            return self._verdict
        deadline = time.monotonic() + self._patience_seconds
        parsed = dict[str, Parsed]()
        for sha in (good, tip):
            try:
                found = self._parse(sha, deadline)
            except UnparsableError as error:
                if sha == tip:
                    return unchecked(tip, str(error))
                found = Parsed()  # what runs can't be parsed any more, so there is nothing that the tip could stop
            if found is None:
                return None
            parsed[sha] = found
        self._parsed = parsed
        commit = GitCommits(self.bare_repo_path).commit(tip, since=good)
        return judge_move(tip, parsed[good], parsed[tip], commit.removes)

    def _parse(self, sha: str, deadline: float) -> Parsed | None:
        """A commit's DAGs; None: not yet, ask again."""
        if sha in self._parsed:
            return self._parsed[sha]
        if self._asked and self._asked[0] != sha:  # it was overtaken by another push
            self._parser.close()
            self._forget_asked()
        if not self._asked:
            folder = tempfile.TemporaryDirectory(prefix="drivetrain-commit-")
            GitCommits(self.bare_repo_path).export(sha, Path(folder.name))
            self._parser.ask(Path(folder.name) / (self.subdir or ""))
            self._asked = sha, folder, time.monotonic()
        if not self._parser.is_ready(max(deadline - time.monotonic(), 0.0)):
            if time.monotonic() < self._asked[2] + _PARSE_SECONDS:
                return None
            self._parser.close()
            self._forget_asked()
            raise UnparsableError(f"parsing did not end within {_PARSE_SECONDS:.0f} s: a DAG file hangs")
        self._used_at = time.monotonic()
        try:
            self._parsed[sha] = self._parser.answer()
        finally:
            self._forget_asked()
        return self._parsed[sha]

    def _forget_asked(self) -> None:
        if self._asked:
            self._asked[1].cleanup()
        self._asked = None

    def _go_to(self, sha: str) -> None:
        self._is_fresh = False
        before = GitCommits(self.repo_path).sha("HEAD")
        if before == sha:
            return
        with Repo(self.repo_path) as repo:
            repo.remotes.origin.fetch(["+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"])
            repo.head.reset(sha, index=True, working_tree=True)
            changed = repo.git.diff("--name-only", "-z", before, sha).split("\0")
        if any(path.startswith(_CONTENT) for path in changed):
            self._touches = [time.monotonic() + seconds for seconds in _TOUCH_SECONDS]
        if self.submodules:
            self._fetch_submodules()

    def _have_parsed(self) -> None:
        """Airflow parses a file anew when it changed. DAGs are made of what is in include/ as well.

        A file that is being parsed meanwhile counts as parsed afterwards, though it may have read what was before. So
        it is said again, after the time that parsing takes.
        """
        due = [at for at in self._touches if at <= time.monotonic()]
        if not due:
            return
        self._touches = [at for at in self._touches if at not in due]
        for file in self.path.rglob("*.py"):
            with suppress(OSError):
                os.utime(file)

    def _settle(self, good: str, verdict: Verdict) -> None:
        """Once for each verdict: say it in the log and in verdict.json, and have it told."""
        from drivetrain.dags.alerts import push_alerts  # every task loads this module, and needs none of it

        if self._verdict and self._verdict.sha == verdict.sha:
            return
        is_first, self._verdict = self._verdict is None, verdict
        is_judged = good != verdict.sha
        commit = GitCommits(self.bare_repo_path).commit(verdict.sha)
        for problem in verdict.refused:
            log.error("commit refused", bundle_name=self.name, commit=commit.sha, problem=problem.told())
        if is_judged or not is_first:
            _write(self.base_dir / VERDICT_FILE, _document(commit, good, verdict))
        # After a start the faults of what runs are not known; but that nothing is refused any more is.
        self._untold = push_alerts(self.name, commit, good, verdict), is_judged

    def _tell(self) -> None:
        """Put the alerts where sheets_health and platform_health find them; what fails is tried at the next refresh."""
        if self._untold is None:
            return
        try:
            self._keep(*self._untold)
        except Exception as error:  # no connection, no database, no routes: DAGs go on, and the log says it
            log.warning("alerts of the bundle can't be kept", bundle_name=self.name, reason=str(error))
            if not isinstance(error, RetriableError):
                self._untold = None
        else:
            self._untold = None

    def _keep(self, alerts: Sequence[Alert], is_judged: bool) -> None:
        from drivetrain.alerts.routes import load_routes
        from drivetrain.dags.alerts import emitted, settled
        from drivetrain.dags.versions import METRIC_PREFIX
        from drivetrain.state.alerts import PostgresAlerts
        from hooks.metrics import emit
        from hooks.state import StateHook

        emit(emitted(alerts), METRIC_PREFIX)
        routes = load_routes(self.repo_path / "include")
        engine = StateHook(self._state_conn_id).engine
        try:
            memory = PostgresAlerts(engine)
            now = settled(self.name, memory.current(), alerts, routes, dt.datetime.now(dt.UTC), is_judged=is_judged)
            memory.keep(now.changed)
            memory.forget(now.forget)
        finally:
            engine.dispose()


def _document(commit: Commit, good: str, verdict: Verdict) -> dict[str, Any]:
    return {
        "commit": commit.sha,
        "author": commit.author,
        "subject": commit.subject,
        "runs": good if verdict.is_refused else commit.sha,
        "refused": [problem.document() for problem in verdict.refused],
        "notes": [problem.document() for problem in verdict.notes],
        "stopped": list(verdict.stopped),
    }


def _write(path: Path, document: dict[str, Any]) -> None:
    """At once: whoever reads it sees the one before or this one."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(document, indent=1), encoding="utf-8")
    os.replace(part, path)
