"""What is wrong with a commit's DAGs: where, what, and the way to mend it."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from drivetrain.alerts.alert import one_line

_FRAME = re.compile(r'^\s*File "([^"]+)", line (\d+)', re.MULTILINE)
_DUPLICATE = "AirflowDagDuplicatedIdException"


class Code(StrEnum):
    """Kinds of problems."""

    IMPORT = "import-error"
    DUPLICATE = "duplicate-dag"
    BROKEN_SPEC = "broken-spec"
    OWNER = "no-owner"
    VARIES = "varies"
    SLOW = "slow-parse"
    SLOW_IMPORT = "slow-import"
    SECRET = "secret"  # noqa: S105 - a kind of problem
    VANISHED = "vanished"
    UNCHECKED = "unchecked"


@dataclass(frozen=True)
class Problem:
    """One problem.

    Attributes:
        file: path in the bundle, "" where it is no single file's.
        line: from 1; None where it is not known.
        text: what is wrong.
        fix: what to do.
        dag_id: of the DAG that it is about, "" for none.
    """

    code: Code
    file: str
    line: int | None
    text: str
    fix: str
    dag_id: str = ""

    @property
    def where(self) -> str:
        """Such as "dags/sheets_sync.py:12"."""
        return self.file if self.line is None else f"{self.file}:{self.line}"

    def told(self) -> str:
        """In one line, with the fix."""
        place = f"{self.where}: " if self.file else ""
        return f"{place}{self.text} [{self.code.value}]. Fix: {self.fix}"

    def document(self) -> dict[str, Any]:
        """As JSON for CI."""
        return {**asdict(self), "code": self.code.value}


def of_error(file: str, traceback: str) -> Problem:
    """The problem that a file's traceback tells: its error, at the last line of the bundle's own that it names."""
    text = one_line(_error(traceback), 300) or "it can't be imported"
    frames = [(path, int(line)) for path, line in _FRAME.findall(traceback)]
    own = [frame for frame in frames if not frame[0].startswith(("/", "<"))]
    place, line = own[-1] if own else (file, None)
    if _DUPLICATE in traceback:
        return Problem(Code.DUPLICATE, file, None, text, "give one of the two another dag_id")
    return Problem(Code.IMPORT, place, line, text, "mend the line; `drivetrain dags check` shows whether it is")


def _error(traceback: str) -> str:
    """What stands behind the last frame and the source that is shown of it; it may be several lines."""
    lines = traceback.splitlines()
    frames = [number for number, line in enumerate(lines) if _FRAME.match(line)]
    rest = lines[frames[-1] + 1 :] if frames else lines
    start = next((number for number, line in enumerate(rest) if line and not line[0].isspace()), 0)
    return " ".join(rest[start:])
