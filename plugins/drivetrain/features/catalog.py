"""All feature specs of a repository, read from include/specs/features/."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivetrain import teams
from drivetrain.errors import SpecError
from drivetrain.features.spec import FeatureSpec
from drivetrain.specs import load_spec, spec_files

if TYPE_CHECKING:
    from pathlib import Path

    from drivetrain.teams import BrokenSpec

PREFIX = "features_"


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
            specs.append(_load(path, places))
        except SpecError as error:
            broken.append(teams.broken(path, error))
    return FeatureSpecs(tuple(specs), tuple(broken))


def _load(path: Path, places: dict[tuple[str, str], str]) -> FeatureSpec:
    spec = load_spec(path, FeatureSpec)
    if spec.view != path.stem:
        raise SpecError(f"{path}: view: {spec.view!r} is not the file's name, call the file {spec.view}.yaml")
    if (landing := spec.landing) is not None:
        for (bucket, prefix), other in places.items():
            if bucket == landing.bucket and (prefix.startswith(landing.prefix) or landing.prefix.startswith(prefix)):
                raise SpecError(f"{path}: landing.prefix: {other}.yaml has {prefix}: a file would be of both")
        places[landing.bucket, landing.prefix] = spec.view
    return spec
