"""What our Dockerfile says, as data: images for tests are assembled from the same instructions, without an engine."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from standins.kubernetes.errors import KubernetesError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_PAIR = re.compile(r"""([A-Za-z_.][\w.]*)=("[^"]*"|\S+)""")
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_FOLDER = re.compile(r"(?<=\s)/[\w./-]+")


@dataclass(frozen=True)
class Copy:
    """Something of the build context, and where it goes."""

    source: str
    target: str


@dataclass
class Stage:
    """A stage with all that the stages before it say, as an image's configuration has it.

    Attributes:
        environment: ENV; `PATH` is what comes before the base image's.
        labels: LABEL.
        user: USER.
        directory: WORKDIR.
        ports: EXPOSE.
        entrypoint: ENTRYPOINT.
        command: CMD.
        packages: what apt installs.
        folders: what `mkdir -p` makes.
        copies: COPY from the context, not from another stage.
        arguments: ARG, with its default.
    """

    environment: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    user: str = ""
    directory: str = "/"
    ports: list[str] = field(default_factory=list)
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    packages: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    copies: list[Copy] = field(default_factory=list)
    arguments: dict[str, str] = field(default_factory=dict)

    def copied(self) -> Stage:
        """What a stage begins with that is made from this one."""
        return Stage(**{name: _same(value) for name, value in vars(self).items()})


def _same(value: object) -> object:
    if isinstance(value, dict):
        return dict(value)
    return list(value) if isinstance(value, list) else value


def stages(file: Path) -> Mapping[str, Stage]:
    """Name -> stage.

    Raises:
        KubernetesError: an instruction that this does not know, so that none is left out in silence.
    """
    found: dict[str, Stage] = {}
    current = Stage()
    for instruction, rest in _instructions(file.read_text(encoding="utf-8")):
        if instruction == "FROM":
            origin, _, name = rest.partition(" AS ")
            current = found[origin].copied() if origin in found else Stage()
            found[name] = current
        else:
            _apply(current, instruction, rest, file)
    return found


def _instructions(text: str) -> list[tuple[str, str]]:
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1].strip()) for line in joined.splitlines()]


def _apply(stage: Stage, instruction: str, rest: str, file: Path) -> None:
    match instruction:
        case "ENV":
            stage.environment |= _pairs(rest, stage)
        case "LABEL":
            stage.labels |= _pairs(rest, stage)
        case "ARG":
            name, _, default = rest.partition("=")
            stage.arguments[name] = default
        case "USER":
            stage.user = rest
        case "WORKDIR":
            stage.directory = rest
        case "EXPOSE":
            stage.ports += rest.split()
        case "ENTRYPOINT":
            stage.entrypoint, stage.command = json.loads(rest), []
        case "CMD":
            stage.command = json.loads(rest)
        case "COPY":
            if not rest.startswith("--from="):
                *sources, target = rest.split()
                stage.copies += [Copy(source, target) for source in sources]
        case "RUN":
            _run(stage, rest)
        case "HEALTHCHECK":  # Kubernetes has its own
            pass
        case _:
            raise KubernetesError(f"{file}: nothing is known of {instruction}: teach it to {__name__}.")


def _run(stage: Stage, command: str) -> None:
    for part in command.split("&&"):
        words = part.split()
        if "install" in words and words[0] == "apt-get":
            stage.packages += [word for word in words[words.index("install") + 1 :] if not word.startswith("-")]
        elif words[:2] == ["mkdir", "-p"]:
            stage.folders += _FOLDER.findall(part)


def _pairs(text: str, stage: Stage) -> dict[str, str]:
    def known(found: re.Match[str]) -> str:
        return stage.arguments.get(found[1], stage.environment.get(found[1], found[0]))

    return {name: _VARIABLE.sub(known, value.strip('"')) for name, value in _PAIR.findall(text)}
