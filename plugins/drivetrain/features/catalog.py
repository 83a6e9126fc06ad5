"""All specs of feature views and training sets of a repository, read from include/specs/."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivetrain import teams
from drivetrain.errors import SpecError
from drivetrain.features.spec import FeatureSpec
from drivetrain.features.training_spec import TrainingSetSpec
from drivetrain.specs import load_spec, spec_files

if TYPE_CHECKING:
    from pathlib import Path

    from drivetrain.teams import BrokenSpec

PREFIX = "features_"
TRAINING_PREFIX = "training_set_"
LOAD_PARAMETERS = ("since", "until")


@dataclass(frozen=True)
class FeatureSpecs:
    """What DAGs are made of.

    Attributes:
        specs: those that can be used, by the names of their files.
        broken: the others; each has a DAG that says why.
    """

    specs: tuple[FeatureSpec, ...]
    broken: tuple[BrokenSpec, ...]


def load_features(include: Path, *, only: str | None = None) -> FeatureSpecs:
    """Every spec, or the one of a DAG: a broken one stops no other.

    Args:
        include: the folder with specs/.
        only: a DAG's id; None: all.
    """
    specs, broken = [], []
    places: dict[tuple[str, str], str] = {}
    for path in spec_files(include / "specs" / "features"):
        if only is not None and f"{PREFIX}{path.stem}" != only:
            continue
        try:
            specs.append(_load(path, include, places))
        except SpecError as error:
            broken.append(teams.broken(path, error))
    return FeatureSpecs(tuple(specs), tuple(broken))


@dataclass(frozen=True)
class TrainingSet:
    """A spec, and the SELECT that it names."""

    spec: TrainingSetSpec
    sql: str


@dataclass(frozen=True)
class TrainingSets:
    """As FeatureSpecs."""

    sets: tuple[TrainingSet, ...]
    broken: tuple[BrokenSpec, ...]


def load_training_sets(include: Path, *, only: str | None = None) -> TrainingSets:
    """As load_features, of include/specs/training_sets/."""
    sets, broken = [], []
    for path in spec_files(include / "specs" / "training_sets"):
        if only is not None and f"{TRAINING_PREFIX}{path.stem}" != only:
            continue
        try:
            sets.append(_load_training_set(path, include))
        except SpecError as error:
            broken.append(teams.broken(path, error))
    return TrainingSets(tuple(sets), tuple(broken))


def _load_training_set(path: Path, include: Path) -> TrainingSet:
    spec = load_spec(path, TrainingSetSpec)
    if spec.training_set != path.stem:
        raise SpecError(
            f"{path}: training_set: {spec.training_set!r} is not the file's name, call the file "
            f"{spec.training_set}.yaml"
        )
    return TrainingSet(spec, _sql(path, "sql", include / "sql" / spec.sql))


def _sql(path: Path, key: str, file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise SpecError(f"{path}: {key}: {file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SpecError(f"{path}: {key}: {file} is not UTF-8 text: save it as UTF-8") from None


def _load(path: Path, include: Path, places: dict[tuple[str, str], str]) -> FeatureSpec:
    spec = load_spec(path, FeatureSpec)
    if spec.view != path.stem:
        raise SpecError(f"{path}: view: {spec.view!r} is not the file's name, call the file {spec.view}.yaml")
    if (landing := spec.landing) is not None:
        for (bucket, prefix), other in places.items():
            if bucket == landing.bucket and (prefix.startswith(landing.prefix) or landing.prefix.startswith(prefix)):
                raise SpecError(f"{path}: landing.prefix: {other}.yaml has {prefix}: a file would be of both")
        places[landing.bucket, landing.prefix] = spec.view
    if (load := spec.load) is not None:
        text = _sql(path, "load.sql", include / "sql" / load.sql)
        if missing := [name for name in LOAD_PARAMETERS if f"%({name})s" not in text]:
            raise SpecError(
                f"{path}: load.sql: {load.sql} does not say %({missing[0]})s: ask for what was new from %(since)s on "
                "and before %(until)s"
            )
    return spec
