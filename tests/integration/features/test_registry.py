"""The registry that `feast apply` makes of feature_repo/, read without Feast."""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
from pathlib import Path

import pytest

from drivetrain.features.registry import Registry, RegistryError, Source, read_registry
from tests.support.real_feast import PYTHON, ROOT

pytestmark = pytest.mark.slow
ODD = """
from entities import car
from feast import FeatureView, Field, FileSource
from feast.types import Int64, Map

source = FileSource(name="odd_rows", path="odd.parquet", timestamp_field="at", field_mapping={"price_inr": "price"})
odd = FeatureView(name="odd", entities=[car], schema=[Field(name="extras", dtype=Map)], source=source, online=False)
price = Field(name="price", dtype=Int64)
mapped = FeatureView(name="mapped", entities=[car], schema=[price], source=source, online=False)
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not PYTHON.exists():
        pytest.skip(f"{PYTHON} is missing: run `make venv-feast`")
    folder = tmp_path_factory.mktemp("feature_repo")
    shutil.copytree(ROOT / "feature_repo", folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "odd.py").write_text(ODD)
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "DRIVETRAIN_FEAST_REGISTRY": str(folder / "registry.db"),
    }
    command = [str(PYTHON.with_name("feast")), "-c", str(folder), "apply", "--skip-source-validation"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "registry.db"


@pytest.fixture(scope="module")
def registry(file: Path) -> Registry:
    return read_registry(file.read_bytes(), "marketplace", where=str(file))


def test_a_view_is_what_its_definition_says(registry: Registry) -> None:
    car = registry.views["car_listing"]
    assert {name: one.name for name, one in car.view.join_keys.items()} == {"car_id": "INT64"}
    assert {name: one.name for name, one in car.view.features.items()} == {
        "asking_price": "DOUBLE",
        "kilometres": "INT64",
        "days_listed": "INT64",
        "price_changes": "INT64",
        "city": "STRING",
        "is_certified": "BOOL",
        "listed_at": "UNIX_TIMESTAMP",
        "photo_scores": "DOUBLE_LIST",
    }
    assert (car.view.timestamp_field, car.view.created_field) == ("event_at", "loaded_at")
    assert (car.source, car.ttl, car.online) == (
        Source("marketplace.features.car_listing"),
        dt.timedelta(days=90),
        True,
    )
    assert car.owner == "pricing@marketplace.example"
    mapped = registry.views["mapped"]
    assert (mapped.source.uri, mapped.source.field_mapping) == ("odd.parquet", (("price_inr", "price"),))
    assert (mapped.ttl, mapped.view.created_field, mapped.online) == (None, None, False)


def test_a_service_is_the_features_that_it_selects(registry: Registry) -> None:
    assert set(registry.services) == {"price_model", "lead_ranking", "loan_decision"}
    selected = {one.view: one.features for one in registry.services["lead_ranking"]}
    assert selected["car_listing"] == ("asking_price", "days_listed", "is_certified")
    assert len(selected["car_demand"]) == 4


def test_a_view_that_can_t_be_used_says_why_and_leaves_the_others(registry: Registry) -> None:
    assert set(registry.broken) == {"odd"}
    assert (
        "feature view odd: extras: its type, number 20 of Feast's, is not one that we write" in registry.broken["odd"]
    )
    assert len(registry.views) == 5


def test_another_project_or_another_file_is_refused(file: Path) -> None:
    with pytest.raises(RegistryError, match=r"has no feature view of project lending; it has those of marketplace"):
        read_registry(file.read_bytes(), "lending", where="registry.db")
    with pytest.raises(RegistryError, match=r"registry registry.db: is none of Feast's: .*run `feast apply`"):
        read_registry(b"\xff" * 20, "marketplace", where="registry.db")
