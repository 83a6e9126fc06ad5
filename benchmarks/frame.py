"""What every benchmark shares: contenders in processes of their own, medians with their spread, one JSON file.

A contender's step runs in a fresh Python process, so that its peak memory is its own and nothing is warm that
would be cold in a task. The process says what it measured as one JSON line on its last line of standard output.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import os
import platform
import statistics
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

RESULTS = Path(__file__).parent / "results"


@dataclass
class Target:
    """A figure to reach: `value` is what was measured, `goal` what was asked for."""

    metric: str
    op: str
    goal: float
    value: float

    @property
    def met(self) -> bool:
        """Whether it was reached."""
        return {"<=": self.value <= self.goal, ">=": self.value >= self.goal, "==": self.value == self.goal}[self.op]


@dataclass
class Report:
    """One benchmark's result, as docs/BENCHMARKS.md reads it."""

    name: str
    load: dict[str, Any]
    runs: list[dict[str, Any]] = field(default_factory=list)
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)
    peers: dict[str, dict[str, Any]] = field(default_factory=dict)
    targets: list[Target] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def write(self) -> Path:
        """Write benchmarks/results/<name>.json."""
        RESULTS.mkdir(exist_ok=True)
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
        body = {
            "name": self.name,
            "date": dt.datetime.now(dt.UTC).date().isoformat(),
            "machine": {"cpus": os.cpu_count(), "memory_gib": round(memory), "python": platform.python_version()},
            "load": self.load,
            "runs": self.runs,
            "metrics": self.metrics,
            "peers": self.peers,
            "targets": [asdict(target) | {"met": target.met} for target in self.targets],
            "notes": self.notes,
        }
        path = RESULTS / f"{self.name}.json"
        path.write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")
        return path

    def show(self, *, write: bool) -> None:
        """Print every metric and target, and write the result."""
        for name, what in self.load.items():
            print(f"{name}: {what}")
        for name, metric in self.metrics.items():
            print(f"{name:<40} {metric['value']:>12,g} {metric['unit']}")
        for target in self.targets:
            verdict = "met    " if target.met else "NOT MET"
            print(f"{verdict} {target.metric}: {target.value:g} ({target.op} {target.goal:g})")
        print(f"wrote {self.write()}" if write else "not written")


def spread(values: list[float], unit: str) -> dict[str, Any]:
    """Median, with the smallest and the largest beside it."""
    return {
        "value": round(statistics.median(values), 3),
        "unit": unit,
        "spread": [round(min(values), 3), round(max(values), 3)],
        "repeats": len(values),
    }


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that is not exceeded by so many of a hundred (nearest rank)."""
    ranked = sorted(values)
    return ranked[max(math.ceil(len(ranked) * percent / 100) - 1, 0)]


def in_own_process(
    module: str, *arguments: str, env: dict[str, str], timeout_seconds: float = 1200, python: Path | None = None
) -> dict[str, Any]:
    """Run `python -m module arguments` and read the JSON object on its last line.

    Another Python, of a peer, is given a file instead of a module: it has nothing of ours.
    """
    command = [sys.executable, "-m", module] if python is None else [str(python), module]
    done = subprocess.run(
        [*command, *arguments],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=timeout_seconds,
        check=False,
    )
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        tail = "\n".join((done.stderr or done.stdout).strip().splitlines()[-15:])
        raise RuntimeError(f"{module} {' '.join(arguments)} failed with {done.returncode}:\n{tail}")
    result: dict[str, Any] = json.loads(lines[-1])
    return result


class PeakMemory:
    """Peak resident memory of this process above what it held at the start, in MiB.

    Linux lets a process reset its own high-water mark: writing 5 to clear_refs (proc(5)).
    """

    def __enter__(self) -> PeakMemory:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        self._start = _status("VmRSS")
        return self

    def __exit__(self, *_: object) -> None:
        self.mib = (_status("VmHWM") - self._start) / 1024


def _status(field_name: str) -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{field_name}:"):
            return int(line.split()[1])
    raise LookupError(field_name)
