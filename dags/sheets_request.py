"""Sheet syncs that somebody asks for: by REST, by Airflow's UI, by another DAG."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, Param

from operators.sheets_request import SheetsRequestOperator
from operators.task_pods import TINY
from operators.urgency import FIRST
from triggers.jobs_ended import JobsEndedTrigger

INCLUDE = Path(__file__).parents[1] / "include"
NAME = "^[a-z][a-z0-9_]{1,62}$"

with DAG(
    dag_id="sheets_request",
    description="Queues sheet syncs that somebody asks for",
    doc_md=(
        "Trigger it with the names of syncs, the team whose they are, and the reason. All of them go into the queue, "
        "ahead of what is due, or none does: a sync that is not there, is another team's or has a broken spec fails "
        "the task with its name. With `wait` the task ends when they have, and returns how; meanwhile it holds no "
        "worker. The same run never asks twice. Who may trigger this DAG may ask in the name of every team."
    ),
    schedule=None,
    catchup=False,
    max_active_runs=16,  # they are about different things, and some wait
    dagrun_timeout=timedelta(hours=1),
    tags=["sheet-fleet", "team:platform"],
    params={
        "syncs": Param(
            [],
            type="array",
            items={"type": "string", "pattern": NAME},
            minItems=1,
            maxItems=500,
            uniqueItems=True,
            title="Syncs",
            description="Their names.",
        ),
        "team": Param("", type="string", pattern=NAME, title="Team", description="Whose they are, all of them."),
        "reason": Param(
            "", type="string", minLength=1, maxLength=150, title="Reason", description="Shown with each run."
        ),
        "wait": Param(False, type="boolean", title="Wait", description="End when they have, and return how."),
    },
    default_args={
        "owner": "platform",
        "retries": 2,
        "retry_delay": timedelta(seconds=10),
        "execution_timeout": timedelta(minutes=5),
        **FIRST,
        "executor": TINY,
    },
):
    SheetsRequestOperator(
        task_id="request",
        include=str(INCLUDE),
        waits_for=JobsEndedTrigger,
        doc_md="Publishes the jobs. Its XCom has each sync's job and, where the run waits, how it ended.",
    )
