"""The message that docs/REST.md shows to anybody, published by Google's own client on Google's emulator."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from google.cloud.pubsub_v1 import PublisherClient
from google.cloud.pubsub_v1.types import PublisherOptions

from drivetrain.errors import FatalError
from drivetrain.sheets.catalog import SyncFiles
from drivetrain.sheets.dispatch import KIND, Trigger
from drivetrain.sheets.worker import Work, Worker, WorkerSettings
from drivetrain.state.syncs import PostgresRegistry
from hooks.job_queue import topic_of
from hooks.pubsub_client import PubSubClient
from hooks.state import StateHook
from tests.support.jobs import PROJECT, pubsub_queue

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy.engine import Engine

    from hooks.pubsub_queue import PubSubQueue
    from standins.pubsub.testing import PubSubEmulator

ROOT = Path(__file__).parents[3]


@pytest.fixture
def queue(emulator: PubSubEmulator, engine: Engine) -> PubSubQueue:
    queue = pubsub_queue(engine, KIND, PubSubClient())
    queue.ensure()
    return queue


def documented() -> tuple[str, str, dict[str, str], dict[str, Any]]:
    """Topic, ordering key, attributes and body of the command that the page shows."""
    page = (ROOT / "docs" / "REST.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"^gcloud pubsub topics publish .*?(?=^```)", page, re.MULTILINE | re.DOTALL)
    words = shlex.split(command.replace("\\\n", " "))
    options = dict(word.removeprefix("--").split("=", 1) for word in words if word.startswith("--"))
    attributes = dict(pair.split("=", 1) for pair in options["attribute"].split(","))
    return words[4], options["ordering-key"], attributes, json.loads(options["message"])


def test_what_the_page_shows_is_done_and_what_is_refused_is_a_dead_letter_and_stops_nobody(
    queue: PubSubQueue, engine: Engine
) -> None:
    topic, ordering_key, attributes, body = documented()
    assert topic == topic_of(KIND) == queue.topic
    publisher = PublisherClient(publisher_options=PublisherOptions(enable_message_ordering=True))
    path = publisher.topic_path(PROJECT, topic)

    def publish(key: str, **changes: Any) -> None:
        data = json.dumps(body | changes).encode()
        publisher.publish(path, data, ordering_key=ordering_key, **attributes | {"key": key}).result(timeout=20)

    publish("theirs", team="retail")
    publish("unknown", sync="no_such_sync")
    publish("more", rows=7)
    publish(attributes["key"])
    done: list[Work] = []

    def run(works: Sequence[Work], still_ours: Callable[[], bool]) -> Any:
        done.extend(works)
        raise FatalError("nothing is run here")

    settings = WorkerSettings(threads=1, idle_seconds=2)
    registry, syncs = PostgresRegistry(engine), SyncFiles(ROOT / "include")
    worker = Worker(queue, registry, syncs, run, settings=settings, now=StateHook.now, log=print)
    assert worker.drain().refused == 3
    (work,) = done
    assert work.sync.spec.sync == body["sync"]
    assert (work.message.trigger, work.message.team, work.message.requested_by) == (Trigger.DEMAND, "growth", "crm")
    reasons = {letter.key: letter.reason for letter in queue.dead_letters()}
    assert reasons["theirs"] == "message theirs: team: retail may not run growth_leadership_numbers, which is growth's"
    assert reasons["unknown"].startswith("message unknown: no sync is called no_such_sync")
    assert reasons["more"] == "message more: rows: Extra inputs are not permitted"
