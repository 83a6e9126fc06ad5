"""Specs of feature views, as they are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from drivetrain.errors import SpecError
from drivetrain.features.catalog import load_features
from drivetrain.features.spec import FeatureSpec
from drivetrain.specs import load_spec

ROOT = Path(__file__).parents[4]
CARS = {"view": "cars", "team": "pricing", "owner": "pricing@drivetrain.example"}


def write(folder: Path, name: str, **changes: Any) -> Path:
    path = folder / "specs" / "features" / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(CARS | changes))
    return path


def test_the_repositorys_own_specs_can_be_used() -> None:
    found = load_features(ROOT / "include")
    assert found.broken == ()
    assert {spec.view for spec in found.specs} == {"applicant_behaviour", "car_demand", "car_listing", "dealer_quality"}


def test_a_broken_spec_is_its_teams_own_and_stops_no_other(tmp_path: Path) -> None:
    write(tmp_path, "cars")
    write(tmp_path, "demand", view="cars")
    write(tmp_path, "dealers", view="dealers", shards=0)
    found = load_features(tmp_path)
    assert [spec.view for spec in found.specs] == ["cars"]
    assert [(one.team, one.task_id) for one in found.broken] == [("pricing", "dealers"), ("pricing", "demand")]
    assert "view: 'cars' is not the file's name, call the file cars.yaml" in found.broken[1].message
    assert [spec.view for spec in load_features(tmp_path, only="features_cars").specs] == ["cars"]
    assert load_features(tmp_path, only="features_cars").broken == ()


def test_a_file_can_t_be_of_two_views(tmp_path: Path) -> None:
    write(tmp_path, "cars", landing={"bucket": "landing", "prefix": "cars/"})
    write(tmp_path, "other", view="other", landing={"bucket": "elsewhere", "prefix": "cars/new/"})
    write(tmp_path, "parts", view="parts", landing={"bucket": "landing", "prefix": "cars/parts/"})
    found = load_features(tmp_path)
    assert [spec.view for spec in found.specs] == ["cars", "other"]
    assert "landing.prefix: cars.yaml has cars/: a file would be of both" in found.broken[0].message


def test_a_load_needs_a_query_that_asks_for_what_is_new(tmp_path: Path) -> None:
    sql = tmp_path / "sql" / "loads"
    sql.mkdir(parents=True)
    (sql / "all.sql").write_text("SELECT * FROM CARS WHERE AT < %(until)s")
    (sql / "new.sql").write_text("SELECT * FROM CARS WHERE AT >= %(since)s AND AT < %(until)s")
    write(tmp_path, "cars", load={"sql": "loads/new.sql"})
    write(tmp_path, "old", view="old", load={"sql": "loads/all.sql"})
    write(tmp_path, "gone", view="gone", load={"sql": "loads/gone.sql"})
    write(tmp_path, "out", view="out", load={"sql": "../secrets.sql"})
    found = load_features(tmp_path)
    assert [spec.view for spec in found.specs] == ["cars"]
    gone, old, out = (one.message for one in found.broken)
    assert "load.sql: " in gone
    assert "loads/gone.sql cannot be read: No such file or directory" in gone
    assert "load.sql: loads/all.sql does not say %(since)s" in old
    assert "load.sql: String should match pattern" in out


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"gates": {"features": {"price": {"min": 2, "max": 1}}}}, "min: 2 is more than max, 1"),
        ({"gates": {"features": {"price": {"max_outside_share": 0.1}}}}, "says nothing without min or max"),
        ({"gates": {"features": {"price": {"max_null_share": 2}}}}, "less than or equal to 1"),
        ({"landing": {"bucket": "b-b", "prefix": "set-aside/x/"}}, "is for files that were set aside, choose another"),
        ({"landing": {"bucket": "b-b", "prefix": "cars"}}, "landing.prefix: String should match pattern"),
        ({"overlap": "soon"}, "overlap: write a duration as 30m, 6h or 2d"),
        ({"shards": 65}, "shards: Input should be less than or equal to 64"),
        ({"ttl": "2d"}, "ttl: unknown key; known here: audit"),
    ],
)
def test_what_a_spec_can_t_say_is_named_with_its_key(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(SpecError) as caught:
        load_spec(write(tmp_path, "cars", **changes), FeatureSpec)
    assert says in str(caught.value)
