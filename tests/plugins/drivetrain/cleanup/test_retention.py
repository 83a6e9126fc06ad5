from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from drivetrain.cleanup.retention import Retention, load_retention
from drivetrain.cleanup.tables import AGED
from drivetrain.errors import SpecError

INCLUDE = Path(__file__).parents[4] / "include"


def load(tmp_path: Path, text: str) -> Retention:
    (tmp_path / "cleanup").mkdir()
    (tmp_path / "cleanup" / "retention.yaml").write_text(text)
    return load_retention(tmp_path)


def test_a_team_has_its_own_times_and_else_the_defaults(tmp_path: Path) -> None:
    kept = load(
        tmp_path,
        "default: {runs: 90d, logs: 30d, log_size: 20GB}\nteams: {lending: {runs: 400d}, growth: {log_size: 500MB}}\n",
    )
    days = dt.timedelta(days=1)
    assert (kept.of("lending").runs, kept.of("lending").logs) == (400 * days, 30 * days)
    assert (kept.of("growth").log_bytes, kept.of("growth").runs) == (500_000_000, 90 * days)
    assert kept.of(None) == kept.of("nobody")
    assert kept.of(None).log_bytes == 20_000_000_000
    assert Retention().of("retail").log_bytes is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("default: {runs: 12h}", "default.runs: keep it for a day at least: write 1d or more (given: '12h')"),
        ("default: {log_size: 20}", "default.log_size"),
        ("default: {log_size: 0GB}", "default.log_size: write a size as 500MB, 20GB or 2TB (given: '0GB')"),
        ("teams: {lending: {run: 400d}}", "teams.lending.run: unknown key"),
        ("latest_runs: 0", "latest_runs"),
        ("batches: {seconds: 60}", "batches.seconds"),
        ("archive: s3://bucket", "archive"),
        ("archive: file:///", "archive"),
        ("tables: {xcom: 1d}", "tables.xcom: unknown key"),
        ("pods: {namespaces: ['*']}", "pods.namespaces"),
    ],
)
def test_what_is_wrong_is_refused_by_file_and_key(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SpecError, match=r"retention\.yaml") as refused:
        load(tmp_path, text)
    assert message in str(refused.value)


@pytest.mark.parametrize("place", ["gs://drivetrain-archive", "gs://a.b-c_d/airflow/old", "file:///srv/archive"])
def test_an_archive_is_a_folder_or_a_bucket(tmp_path: Path, place: str) -> None:
    assert load(tmp_path, f"archive: {place}").archive == place


def test_each_table_that_ages_has_a_time_and_no_time_is_for_another() -> None:
    assert {aged.table for aged in AGED} == set(Retention().tables.model_dump())
    assert all(Retention().table(aged.table) >= dt.timedelta(days=1) for aged in AGED)


def test_ours_is_right_and_its_teams_have_specs() -> None:
    ours = load_retention(INCLUDE)
    teams = {path.name.partition("_")[0] for path in (INCLUDE / "specs").rglob("*.yaml")}
    assert set(ours.teams) <= teams
