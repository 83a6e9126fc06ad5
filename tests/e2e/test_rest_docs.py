"""Every example of docs/REST.md, run in the page's order against a real Airflow. The page's head says how."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from tests.e2e.conftest import state_of
from tests.support.rest_page import PAGE, blocks, environment, run_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from standins.platform.testing import LocalPlatform

pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.timeout(600)]

PROGRAM = re.compile(r'^```python test="([^"]+)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)


@pytest.fixture
def queue_is_left_empty(platform: LocalPlatform) -> Iterator[None]:
    """What the page asks for is no worker's: others count what theirs do."""
    yield
    engine = state_of(platform)
    with engine.begin() as connection:
        connection.execute(sa.text("TRUNCATE jobs, job_groups"))
    engine.dispose()


def test_every_example_of_the_page_does_what_it_says(
    platform: LocalPlatform, tmp_path: Path, queue_is_left_empty: None
) -> None:
    found = blocks(of_features=False)
    assert len(found) >= 60
    run_blocks(platform, tmp_path, found)


def test_the_program_of_the_page_starts_a_run_once_and_shows_the_log_of_what_failed(
    platform: LocalPlatform, tmp_path: Path
) -> None:
    ((name, text),) = PROGRAM.findall(PAGE.read_text(encoding="utf-8"))
    program = tmp_path / f"{name}.py"
    program.write_text(text, encoding="utf-8")
    dag_id = "sheets_sync_growth"
    platform.api.write("PATCH", f"dags/{dag_id}", {"is_paused": False})

    def run(run_id: str, conf: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(program), dag_id, run_id, conf],
            env=environment(platform),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    conf = '{"syncs": ["growth_leadership_numbers"], "dry_run": true}'
    before = platform.api.read(f"dags/{dag_id}/dagRuns")["total_entries"]
    for _ in range(2):
        done = run("from-a-program", conf)
        assert (done.returncode, done.stdout.strip()) == (0, "from-a-program success"), done.stderr
    assert platform.api.read(f"dags/{dag_id}/dagRuns")["total_entries"] == before + 1
    failed = run("from-a-program-misspelled", '{"dryrun": true}')
    assert failed.returncode == 1
    assert "conf: unknown key dryrun; known: dry_run, syncs" in failed.stdout
    refused = run("from-a-program-refused", '{"syncs": ["no_such_sync"]}')
    assert "400: " in refused.stderr
