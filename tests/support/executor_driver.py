"""Airflow's side of a test of its executor: a scheduler's loop around a real executor, told what to do line by line.

Tasks are rows of Airflow's real tables, executors are the real classes, pods are real; what runs in a pod is a shell
that says "running" and "success" to a small server here, as a task's process says it to the execution API.
Run by tests.support.executor_process, in a process of its own: Airflow's configuration holds for a process.
"""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import importlib
import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import sqlalchemy as sa
from airflow import settings
from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
from airflow.executors.workloads import ExecuteTask
from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
from airflow.models.dagbag import DBDagBag
from airflow.models.dagbundle import DagBundleModel
from airflow.models.taskinstance import TaskInstance
from airflow.providers.cncf.kubernetes.executors.kubernetes_executor_utils import ResourceVersion
from airflow.providers.cncf.kubernetes.pod_generator import PodGenerator
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState, TaskInstanceState
from airflow.utils.types import DagRunTriggeredByType, DagRunType

BUNDLE = "pods"
DAG_FILE = """
from airflow.sdk import DAG, BaseOperator

for retries in (0, 2):
    with DAG(f"pods_{retries}", schedule=None, default_args={"retries": retries}) as dag:
        BaseOperator(task_id="work")
    globals()[dag.dag_id] = dag
"""
_LEFT = "SELECT count(*) FROM task_instance WHERE run_id = ANY(:names) AND state NOT IN ('success', 'failed')"


class Reports(BaseHTTPRequestHandler):
    """What pods say of their tasks: GET /running/<id> and /success/<id>. As the execution API, only in this order."""

    engine: sa.Engine
    times: ClassVar[dict[str, dict[str, float]]] = {}

    def do_GET(self) -> None:
        """Set the task's state, or say 409."""
        _, state, ti_id = self.path.split("/")
        needed = "queued" if state == "running" else "running"
        statement = sa.text("UPDATE task_instance SET state = :state WHERE id = :id AND state = :needed")
        with self.engine.begin() as connection:
            changed = connection.execute(statement, {"state": state, "id": ti_id, "needed": needed}).rowcount
        if changed:
            self.times.setdefault(ti_id, {})[state] = time.time()
        self.send_response(204 if changed else 409)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


class Driver:
    """One scheduler, in a way."""

    def __init__(self, address: str, port: int) -> None:
        Reports.engine = settings.engine
        self.server = ThreadingHTTPServer((address, port), Reports)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        folder = Path(os.environ["AIRFLOW_HOME"]) / "dags"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "pods.py").write_text(DAG_FILE, encoding="utf-8")
        with create_session() as session:
            if session.get(DagBundleModel, BUNDLE) is None:
                session.add(DagBundleModel(name=BUNDLE))
        sync_bag_to_db(DagBag(str(folder), bundle_path=folder, bundle_name=BUNDLE), BUNDLE, None)
        self.dags = DBDagBag()
        self.executor: Any = None
        self.crashes: list[str] = []
        self.queued_at: dict[str, float] = {}

    def start(self, kind: str, job: int) -> dict[str, Any]:
        """Start an executor of this class, as the scheduler with this number."""
        module, _, name = kind.rpartition(".")
        self.executor = getattr(importlib.import_module(module), name)()
        self.executor.job_id = job
        self.executor.start()
        return {"port": self.server.server_port}

    def stop(self) -> dict[str, Any]:
        """As a scheduler that ends."""
        if self.executor is not None:
            self.executor.end()
        return {}

    def queue(
        self, names: list[str], work: str = "true", override: dict[str, Any] | None = None, retries: int = 2
    ) -> dict[str, Any]:
        """Queue a task for each name: a run's only one."""
        manifest = override or {}
        env = [{"name": "WORK", "value": work}, {"name": "REPORTS", "value": self._address()}]
        containers = manifest.setdefault("spec", {}).setdefault("containers", [{"name": "base"}])
        containers[0].setdefault("env", []).extend(env)
        pod = PodGenerator.deserialize_model_dict(manifest)
        with create_session() as session:
            dag = self.dags.get_latest_version_of_dag(f"pods_{retries}", session=session)
            for name in names:
                run = dag.create_dagrun(
                    run_id=name,
                    run_after=dt.datetime.now(dt.UTC),
                    run_type=DagRunType.MANUAL,
                    triggered_by=DagRunTriggeredByType.TEST,
                    state=DagRunState.RUNNING,
                    session=session,
                )
                [ti] = run.get_task_instances(session=session)
                ti.executor_config = {"pod_override": pod}
                self._enqueue(ti, session)
        return {}

    def _enqueue(self, ti: TaskInstance, session: Any) -> None:
        ti.try_number += 1
        ti.state = TaskInstanceState.QUEUED
        ti.queued_by_job_id = self.executor.job_id
        ti.queued_dttm = dt.datetime.now(dt.UTC)
        session.flush()
        self.queued_at[str(ti.id)] = time.time()
        workload = ExecuteTask.make(ti, generator=self.executor.jwt_generator)
        session.commit()
        self.executor.queue_workload(workload, session=session)

    def _address(self) -> str:
        host, port = self.server.server_address[:2]
        return f"{host!s}:{port}"

    def step(self, times: int = 1) -> dict[str, Any]:
        """So many rounds of a scheduler's loop, as far as it is about executors."""
        for _ in range(times):
            try:
                self.executor.heartbeat()
            except Exception as error:  # which ends a scheduler
                self.crashes.append(f"{type(error).__name__}: {error}"[:300])
            with create_session() as session:
                SchedulerJobRunner.process_executor_events(
                    executor=self.executor, job_id=self.executor.job_id, scheduler_dag_bag=self.dags, session=session
                )
            with contextlib.suppress(sa.exc.SQLAlchemyError), create_session() as session:
                SchedulerJobRunner._process_task_event_logs(self.executor._task_event_logs, session)
            with create_session() as session:
                query = sa.select(TaskInstance).where(TaskInstance.state == TaskInstanceState.UP_FOR_RETRY)
                for ti in session.scalars(query).all():
                    self._enqueue(ti, session)
        return {}

    def run(self, names: list[str], seconds: float = 60) -> dict[str, Any]:
        """Rounds until these tasks have ended and their slots are free, or the time is up."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.step()
            with settings.engine.connect() as connection:
                left = connection.execute(sa.text(_LEFT), {"names": names}).scalar_one()
            if not left and not self.executor.running:
                break
            time.sleep(0.1)
        return self.look(names)

    def look(self, names: list[str]) -> dict[str, Any]:
        """What is known: tasks by their runs' names, slots, the watch, and what would have ended a scheduler."""
        tasks = {}
        statement = (
            "SELECT t.run_id, CAST(t.id AS text), t.state, t.try_number, t.max_tries, n.content FROM task_instance t "
            "LEFT JOIN task_instance_note n ON n.ti_id = t.id WHERE t.run_id = ANY(:names)"
        )
        with settings.engine.connect() as connection:
            for run, ti, state, tries, most, note in connection.execute(sa.text(statement), {"names": names}):
                tasks[run] = {"id": ti, "state": state, "try": tries, "max_tries": most, "note": note}
            query = sa.text("SELECT run_id, event, extra FROM log WHERE run_id = ANY(:names) ORDER BY id")
            told = [list(row) for row in connection.execute(query, {"names": names})]
        watchers = [watcher.pid for watcher in self.executor.kube_scheduler.kube_watchers.values()]
        return {
            "tasks": tasks,
            "events": told,
            "running": len(self.executor.running),
            "queued": len(self.executor.queued_tasks),
            "watchers": watchers,
            "crashes": self.crashes,
        }

    def times(self) -> dict[str, Any]:
        """By the ids of tasks: when they were queued, ran and succeeded, in Unix seconds."""
        return {ti: {"queued": at, **Reports.times.get(ti, {})} for ti, at in self.queued_at.items()}

    def token_seconds(self) -> dict[str, Any]:
        """How long the token is valid that a task's pod is given to begin with."""
        token = ExecuteTask.generate_token("somebody", self.executor.jwt_generator)
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        return {"seconds": claims["exp"] - claims["iat"]}

    def resource_version(self, version: str, namespace: str) -> dict[str, Any]:
        """Where the next watch begins."""
        ResourceVersion().resource_version[namespace] = version
        return {}

    def adopt(self, job: int) -> dict[str, Any]:
        """What a scheduler does at its start with the tasks of one that is no more."""
        with create_session() as session:
            query = sa.select(TaskInstance).where(TaskInstance.state.in_(("queued", "running")))
            tis = session.scalars(query.where(TaskInstance.queued_by_job_id == job)).all()
            left = self.executor.try_adopt_task_instances(tis)
            for ti in tis:
                if ti not in left:
                    ti.queued_by_job_id = self.executor.job_id
            return {"adopted": len(tis) - len(left), "left": len(left)}


def main() -> None:
    """Read requests from standard input, a JSON object each; answer likewise."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print must not be taken for an answer
    driver = Driver(sys.argv[1], int(sys.argv[2]))
    print(json.dumps({"ready": True}), file=answers)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(driver, request.pop("do"))(**request)
        except Exception as error:
            import traceback

            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers)
    with contextlib.suppress(Exception):
        driver.stop()


if __name__ == "__main__":
    main()
