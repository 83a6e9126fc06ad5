"""Drift is known by its line; so every line that a sync can fail with is held against the list."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import drivetrain.sheets
from drivetrain.alerts.drift import is_drift

FOLDER = Path(drivetrain.sheets.__file__).parent
HOOKS = FOLDER.parents[1] / "hooks"
OF_LOADS = {"header.py", "load_table.py"}  # loads leave no record


def text(node: ast.expr, module: ast.Module) -> list[str]:
    """What an error's message may look like, with X for what is filled in."""
    if isinstance(node, ast.Constant):
        return [str(node.value)]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        name = node.func.id
        functions = [f for f in ast.walk(module) if isinstance(f, ast.FunctionDef) and f.name == name]
        returned = [r.value for f in functions for r in ast.walk(f) if isinstance(r, ast.Return) and r.value]
        return [line for value in returned for line in text(value, module)]
    if not isinstance(node, ast.JoinedStr):
        return []
    lines = [""]
    for part in node.values:
        filled = [str(part.value)] if isinstance(part, ast.Constant) else ["X"]
        if isinstance(part, ast.FormattedValue) and ast.unparse(part.value) == "'; '.join(problems)":
            filled = [
                problem
                for assigned in ast.walk(module)
                if isinstance(assigned, ast.Assign) and ast.unparse(assigned.targets[0]) == "problems"
                for made in ast.walk(assigned.value)
                if isinstance(made, ast.JoinedStr)
                for problem in text(made, module)
            ]
        lines = [line + more for line in lines for more in filled]
    return lines


def raised(path: Path) -> Iterator[tuple[str, str]]:
    """(error's class, its message) of every raise in a file."""
    module = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(module):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and isinstance(node.exc.func, ast.Name):
            for message in [line for argument in node.exc.args[:1] for line in text(argument, module)]:
                yield node.exc.func.id, message


def test_every_drift_of_a_sync_is_recognized() -> None:
    drifts = [
        message
        for path in FOLDER.glob("*.py")
        if path.name not in OF_LOADS
        for name, message in raised(path)
        if name == "SchemaDriftError"
    ]
    assert len(drifts) >= 11
    assert [message for message in drifts if not is_drift(message)] == []


def test_no_other_failure_is_taken_for_drift() -> None:
    others = [
        message
        for path in [*FOLDER.glob("*.py"), *HOOKS.glob("*.py")]
        for name, message in raised(path)
        if name.endswith("Error") and name != "SchemaDriftError"
    ]
    assert len(others) >= 40
    assert [message for message in others if is_drift(message)] == []
