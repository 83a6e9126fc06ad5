"""The pictures of benchmarks that are about time: a day, a burst, a run in which everything fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

READS, WRITES, JOBS, BAD, QUIET = "#4285f4", "#0f9d58", "#5f6368", "#db4437", "#bdc1c6"
PER_PROJECT = 300


def numbers(text: str) -> list[float]:
    """A series as the results hold it: numbers with a space between them."""
    return [float(part) for part in text.split()]


def day(result: dict[str, Any], figure: Figure) -> None:
    """Jobs that are due, done and waiting; and calls a minute against the quota."""
    by_name = {run["series"]: numbers(run["by_minute"]) for run in result["runs"]}
    jobs, calls = figure.subplots(2, 1, sharex=True)
    hours = [minute / 60 for minute in range(len(by_name["due"]))]
    jobs.fill_between(hours, by_name["due"], step="post", color=QUIET, label="due in the minute")
    jobs.step(hours, by_name["done"], where="post", color=WRITES, linewidth=0.7, label="done in the minute")
    jobs.step(hours, by_name["waiting"], where="post", color=BAD, linewidth=0.7, label="waiting")
    jobs.set_ylabel("jobs")
    calls.step(hours, by_name["reads"], where="post", color=READS, linewidth=0.7, label="reads a minute")
    calls.step(hours, by_name["writes"], where="post", color=WRITES, linewidth=0.7, label="writes a minute")
    calls.axhline(PER_PROJECT, color=BAD, linewidth=0.8, linestyle="--", label="Google's quota, of each")
    calls.set_ylabel("calls")
    calls.set_xlabel("hour of the day, Asia/Kolkata")
    calls.set_xticks(range(0, 25, 3))
    calls.set_xlim(0, 24)
    _finish([jobs, calls])
    calls.set_ylim(0, PER_PROJECT * 1.4)  # the legend stands above the quota


def burst(result: dict[str, Any], figure: Figure) -> None:
    """Jobs done over time, beside the shortest time that the quota allows."""
    panels = list(figure.subplots(1, len(result["runs"]), sharey=True, squeeze=False)[0])
    for axis, run in zip(panels, result["runs"], strict=True):
        ends = numbers(run["done_at"])
        axis.step([0.0, *ends], range(len(ends) + 1), where="post", color=WRITES, label="jobs done")
        axis.axvline(run["bound_seconds"], color=BAD, linewidth=0.8, linestyle="--", label="the quota's bound")
        axis.set_title(f"{run['case']}: {run['seconds']:.0f} s", fontsize=10)
        axis.set_xlabel("s")
        axis.set_xlim(0, None)
    panels[0].set_ylabel("jobs")
    _finish(panels, "lower right")


def chaos(result: dict[str, Any], figure: Figure) -> None:
    """What waited and what failed, and what was done to whom, second by second."""
    panels = list(figure.subplots(len(result["runs"]), 1, squeeze=False)[:, 0])
    for axis, run in zip(panels, result["runs"], strict=True):
        failed = numbers(run["failed"])
        axis.step(range(len(failed)), numbers(run["waiting"]), where="post", color=JOBS, label="jobs due and not done")
        axis.bar(range(len(failed)), failed, width=1.0, color=BAD, label="calls that failed")
        axis.set_title(f"queue in {run['queue']}", fontsize=10)
        axis.set_xlim(0, len(failed))
        _marks(axis, run["events"])
    panels[-1].set_xlabel("s")
    _finish(panels)


def _marks(axis: Axes, events: str) -> None:
    """A tick for each worker that was killed, a line and a name for all else."""
    top = axis.get_ylim()[1]
    killed = []
    for event in events.split():
        at, _, what = event.partition(":")
        if what == "worker":
            killed.append(float(at))
        elif "is_back" not in what:
            axis.axvline(float(at), color=READS, linewidth=0.8)
            axis.text(float(at), top, f" {what}", fontsize=7, color=READS, rotation=90, va="top")
    axis.plot(killed, [0] * len(killed), "|", color="black", markersize=9, label="a worker is killed", clip_on=False)


def _finish(axes: Sequence[Axes], legend: str = "upper right") -> None:
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.set_ylim(0, None)
        axis.legend(frameon=False, fontsize=8, loc=legend)


# By benchmark: what draws it, and its size in inches.
PICTURES: dict[str, tuple[Callable[[dict[str, Any], Figure], None], tuple[float, float]]] = {
    "sheets-day": (day, (11, 6)),
    "sheets-burst": (burst, (11, 3.5)),
    "sheets-chaos": (chaos, (11, 6)),
}
