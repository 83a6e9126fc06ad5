"""JSON Schemas of the spec files, for editors and for CI."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from drivetrain.alerts.routes import AlertRoutes
from drivetrain.cleanup.retention import Retention
from drivetrain.errors import FatalError
from drivetrain.features.spec import FeatureSpec
from drivetrain.features.training_spec import TrainingSetSpec
from drivetrain.kubernetes.presets import TaskPresets
from drivetrain.rbac.spec import RoleSpec, TeamAccessSpec, TeamRoleSpec
from drivetrain.sheets.load_spec import SheetLoadSpec
from drivetrain.sheets.spec import SheetSyncSpec
from drivetrain.sheets.workbooks import Listing

if TYPE_CHECKING:
    from drivetrain.specs import ClosedModel

app = typer.Typer(no_args_is_help=True, help=__doc__)

MODELS: dict[str, type[ClosedModel]] = {
    "sheet_sync": SheetSyncSpec,
    "sheet_load": SheetLoadSpec,
    "feature_view": FeatureSpec,
    "training_set": TrainingSetSpec,
    "alert_routes": AlertRoutes,
    "workbooks": Listing,
    "rbac_role": RoleSpec,
    "rbac_team_role": TeamRoleSpec,
    "rbac_team": TeamAccessSpec,
    "retention": Retention,
    "task_presets": TaskPresets,
}
FOLDER = Path("include/schemas")


def rendered() -> dict[Path, str]:
    """Each schema's file and text."""
    return {
        FOLDER / f"{name}.schema.json": json.dumps(model.model_json_schema(by_alias=True), indent=2) + "\n"
        for name, model in MODELS.items()
    }


@app.command()
def write() -> None:
    """Write include/schemas/ anew from the typed specs."""
    for path, text in rendered().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        typer.echo(f"wrote {path}")


@app.command()
def check() -> None:
    """Fail if a schema is not what the specs say."""
    for path, text in rendered().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            raise FatalError(f"{path} is out of date: run `make schemas`")
