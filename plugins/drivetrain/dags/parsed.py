"""What parsing a folder of DAG files gave, as plain data: the parser is a process of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

TEAM_TAG = "team:"


@dataclass(frozen=True)
class ParsedDag:
    """A DAG.

    Attributes:
        file: path in the bundle, such as "dags/sheets_sync.py".
        owner: of its tasks, as Airflow shows it; several are joined by commas.
        broken: message of each spec of it that can't be used, by task.
        serialized: as Airflow stores it. A change of it is a new version.
    """

    dag_id: str
    file: str
    owner: str = ""
    tags: tuple[str, ...] = ()
    broken: Mapping[str, str] = field(default_factory=dict)
    serialized: Mapping[str, Any] = field(default_factory=dict)

    @property
    def team(self) -> str:
        """Of its `team:` tag, "" without one."""
        return next((tag.removeprefix(TEAM_TAG) for tag in self.tags if tag.startswith(TEAM_TAG)), "")


@dataclass(frozen=True)
class Varying:
    """A value in a DAG file that Airflow's own checker takes for one that differs with each parse."""

    file: str
    line: int
    code: str


@dataclass(frozen=True)
class Parsed:
    """One parse of all files.

    Attributes:
        dags: by id.
        errors: traceback of each file that raised, with paths in the bundle.
        seconds: CPU time by file; the first one pays for what it shares with others.
        varying: see Varying.
    """

    dags: Mapping[str, ParsedDag] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    varying: tuple[Varying, ...] = ()

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Parsed:
        """From the parser's JSON, see hooks.dag_parse_server."""
        dags = (ParsedDag(**{**dag, "tags": tuple(dag["tags"])}) for dag in document["dags"])
        return cls(
            dags={dag.dag_id: dag for dag in dags},
            errors=document["errors"],
            seconds=document["seconds"],
            varying=tuple(Varying(**one) for one in document["varying"]),
        )
