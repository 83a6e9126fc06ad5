"""Reads the Dockerfile and docker-compose.yaml as data."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


@dataclass(frozen=True)
class Instruction:
    """One instruction of a Dockerfile; `stage` is empty before the first FROM."""

    stage: str
    name: str
    text: str
    line: int


def dockerfile(text: str | None = None) -> list[Instruction]:
    """The instructions in order, with continued lines joined."""
    result: list[Instruction] = []
    stage, whole, started = "", "", 0
    lines = (text if text is not None else (REPOSITORY / "Dockerfile").read_text()).splitlines()
    for number, line in enumerate(lines, start=1):
        if line.lstrip().startswith("#") or not line.strip():
            continue
        started = started or number
        if line.rstrip().endswith("\\"):
            whole += line.rstrip()[:-1] + " "
            continue
        name, _, rest = (whole + line).strip().partition(" ")
        rest = " ".join(rest.split())
        if name.upper() == "FROM":
            stage = rest.split()[-1]
        result.append(Instruction(stage, name.upper(), rest, started))
        whole, started = "", 0
    return result


def parents(instructions: list[Instruction]) -> dict[str, str]:
    """Stage -> what it is made from."""
    return {one.stage: one.text.split()[0] for one in instructions if one.name == "FROM"}


def lineage(instructions: list[Instruction], stage: str) -> list[str]:
    """A stage and all that it is made from, the stage first."""
    known = parents(instructions)
    result = [stage]
    while known.get(result[-1]) in known:
        result.append(known[result[-1]])
    return result


def compose() -> dict[str, Any]:
    """docker-compose.yaml with each variable at its default."""
    text = (REPOSITORY / "docker-compose.yaml").read_text()
    return yaml.safe_load(VARIABLE.sub(lambda found: found[2] or "", text.replace("$$", "$")))
