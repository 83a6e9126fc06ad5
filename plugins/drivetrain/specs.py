"""Read typed spec files: closed models, every problem said at once, by file and key."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from drivetrain.errors import SpecError

if TYPE_CHECKING:
    from pathlib import Path


class ClosedModel(BaseModel):
    """A spec's part: unknown keys are refused and nothing changes after it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


M = TypeVar("M", bound=ClosedModel)


class _UniqueKeyLoader(yaml.CSafeLoader):
    """YAML's own rule that keys are unique; PyYAML lets the last one win in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                problem = "a key must be plain text: put a value that starts with { or [ in quotes"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key_node.start_mark)
            if key in seen:
                raise yaml.MarkedYAMLError(problem=f"key {key!r} appears twice", problem_mark=key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def load_spec(path: Path, model: type[M]) -> M:
    """Read one YAML file as `model`.

    Raises:
        SpecError: one line that names the file, and for each problem the key and what to write instead.
    """
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeyLoader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        problem = " ".join(f"{error.context or ''} {error.problem}".split())
        raise SpecError(f"{path}:{line}: not valid YAML: {problem}") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: not UTF-8, or a date such as 2026-02-30
        raise SpecError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    except OSError as error:
        raise SpecError(f"{path}: cannot be read: {error.strerror}") from None
    if not isinstance(document, dict):
        raise SpecError(f"{path}: expected keys and values at the top, found {type(document).__name__}")
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise SpecError(f"{path}: {'; '.join(_problems(error, model))}") from None


def spec_files(folder: Path) -> list[Path]:
    """Every spec file below `folder`, in the order of their names.

    Raises:
        SpecError: for a *.yml file, which would otherwise be left out in silence.
    """
    if misnamed := sorted(folder.rglob("*.yml")):
        raise SpecError(f"{misnamed[0]}: spec files end in .yaml, rename it")
    return sorted(folder.rglob("*.yaml"))


def load_specs(folder: Path, model: type[M]) -> dict[Path, M]:
    """Read every spec file below `folder`."""
    return {path: load_spec(path, model) for path in spec_files(folder)}


def _problems(error: ValidationError, model: type[BaseModel]) -> list[str]:
    lines = []
    problems = error.errors(include_url=False)
    for problem in problems:
        inner = len(problem["loc"]) + 1
        if problem["type"] == "too_short" and any(
            p["loc"][: inner - 1] == problem["loc"] and len(p["loc"]) >= inner for p in problems
        ):
            continue  # only because its one item is wrong, which is said on its own
        key = ".".join(str(part) for part in problem["loc"]) or "(the file)"
        if problem["type"] == "extra_forbidden":
            known = ", ".join(sorted(_keys_at(model, problem["loc"][:-1])))
            lines.append(f"{key}: unknown key" + (f"; known here: {known}" if known else ""))
        elif problem["type"] == "missing":
            lines.append(f"{key}: missing, add it")
        else:
            message = problem["msg"].removeprefix("Value error, ")
            given = problem["input"]
            shown = f" (given: {given!r:.60})" if isinstance(given, str | int | float | bool) else ""
            lines.append(f"{key}: {message}{shown}")
    return lines


def _keys_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The keys that the model knows at a location of an error, for the message."""
    current: object = model
    for part in location:
        if isinstance(part, int) or not (isinstance(current, type) and issubclass(current, BaseModel)):
            continue
        field = current.model_fields.get(part)
        if field is None:
            return []
        current = next(
            (a for a in _flatten(field.annotation) if isinstance(a, type) and issubclass(a, BaseModel)), None
        )
    if isinstance(current, type) and issubclass(current, BaseModel):
        return [field.alias or name for name, field in current.model_fields.items()]
    return []


def _flatten(annotation: object) -> list[object]:
    arguments = getattr(annotation, "__args__", ())
    return [annotation, *(inner for argument in arguments for inner in _flatten(argument))]
