from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
import yaml

from standins.prometheus import program
from standins.prometheus.config import Target, arguments, configuration
from standins.prometheus.program import PrometheusError, prometheus

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _nothing_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)


def fetched(folder: Path) -> None:
    (folder / "usr" / "bin").mkdir(parents=True)
    (folder / "usr" / "bin" / "prometheus").write_text("program")


def test_it_is_fetched_once_and_nothing_else_of_the_package_is_kept(tmp_path: Path) -> None:
    times: list[Path] = []

    def fetch(folder: Path) -> None:
        times.append(folder)
        fetched(folder)

    first, second = prometheus(tmp_path, fetch), prometheus(tmp_path, fetch)
    assert (first, len(times)) == (second, 1)
    assert first.read_text() == "program"
    assert not times[0].exists()


def test_a_fetch_that_fails_leaves_nothing_and_the_next_one_goes_on(tmp_path: Path) -> None:
    with pytest.raises(PrometheusError, match="put the program on the path"):
        prometheus(tmp_path, lambda _: None)
    assert prometheus(tmp_path, fetched).is_file()


def test_the_program_on_the_path_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/opt/{name}")
    assert str(prometheus(tmp_path, fetched)) == "/opt/prometheus"


def test_the_cache_is_the_users(tmp_path: Path) -> None:
    assert program.cache_of({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "drivetrain" / "prometheus"


def test_it_listens_here_alone_and_reads_the_token_from_a_file(tmp_path: Path) -> None:
    token = tmp_path / "token"
    text = configuration({"airflow": Target(8080, "/drivetrain/metrics", token)}, [tmp_path / "rules.yaml"])
    [job] = yaml.safe_load(text)["scrape_configs"]
    assert job["static_configs"] == [{"targets": ["127.0.0.1:8080"]}]
    assert job["authorization"] == {"credentials_file": str(token)}
    line = arguments(tmp_path / "prometheus", tmp_path / "c.yml", tmp_path / "data", 9090)
    assert "--web.listen-address=127.0.0.1:9090" in line
