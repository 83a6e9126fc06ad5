"""Pages of docs/ that are generated from the code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from drivetrain.errors import FatalError

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

app = typer.Typer(no_args_is_help=True, help=__doc__)
DAGS_PAGE = Path("docs/DAGS.md")


def load_dags(folder: Path = Path("dags")) -> DagBag:
    """Parse every DAG file."""
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(str(folder.resolve()))


def dags_page(bag: DagBag) -> str:
    """docs/DAGS.md: every DAG with its owner, parameters and tasks."""
    if bag.import_errors:
        path, error = next(iter(bag.import_errors.items()))
        raise FatalError(f"{path}: {error.strip().splitlines()[-1]}")
    lines = [
        "# DAGs",
        "",
        "Generated from the DAGs by `make docs`; CI fails when it is out of date.",
        "",
        "| DAG | owner | what | tasks |",
        "|---|---|---|---|",
    ]
    dags = [bag.dags[dag_id] for dag_id in sorted(bag.dags)]
    lines += [f"| [{d.dag_id}](#{d.dag_id}) | {d.owner} | {d.description or ''} | {len(d.tasks)} |" for d in dags]
    for dag in dags:
        lines += [
            "",
            f"## {dag.dag_id}",
            "",
            f"File `dags/{Path(dag.fileloc).name}`, tags {', '.join(sorted(dag.tags))}.",
        ]
        lines += ["", dag.doc_md.strip()] if dag.doc_md else []
        lines += ["", "| parameter | default | what |", "|---|---|---|"]
        lines += [
            f"| `{name}` | `{param.value!r}` | {param.description or ''} |"
            for name in sorted(dag.params)
            for param in [dag.params.get_param(name)]
        ]
    return "\n".join(lines) + "\n"


@app.command()
def write() -> None:
    """Write the generated pages anew."""
    DAGS_PAGE.parent.mkdir(exist_ok=True)
    DAGS_PAGE.write_text(dags_page(load_dags()), encoding="utf-8")
    typer.echo(f"wrote {DAGS_PAGE}")


@app.command()
def check() -> None:
    """Fail if a generated page is not what the DAGs say."""
    if not DAGS_PAGE.exists() or DAGS_PAGE.read_text(encoding="utf-8") != dags_page(load_dags()):
        raise FatalError(f"{DAGS_PAGE} is out of date: run `make docs`")
