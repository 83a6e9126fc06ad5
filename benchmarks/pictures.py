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


def throughput(result: dict[str, Any], figure: Figure) -> None:
    """Jobs a second by what they found, beside one Airflow task a job."""
    axis = figure.subplots()
    naive = next(iter(result["peers"].values()))["metrics"]["jobs_per_second"]["value"]
    bars = [("one Airflow task a job", naive, BAD)]
    for step, label in (("first", "every tab new"), ("changed", "1 % of the rows changed"), ("unchanged", "no change")):
        bars.append((label, result["metrics"][f"{step}.jobs_per_second"]["value"], WRITES))
    drawn = axis.barh([label for label, _, _ in bars], [value for _, value, _ in bars], color=[c for _, _, c in bars])
    axis.bar_label(drawn, fmt="%.3g", padding=3)
    axis.axvline(60, color=JOBS, linewidth=0.8, linestyle="--", label="the goal with changes")
    axis.set_xlabel("jobs a second, of 500 x 10 cells, on two cores (logarithmic)")
    axis.set_xscale("log")
    axis.invert_yaxis()
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, fontsize=8, loc="upper right")


def history(result: dict[str, Any], figure: Figure) -> None:
    """What the dispatcher takes for its decision, and for the whole round."""
    axis = figure.subplots()
    cases = {"minute": "an ordinary minute", "burst": "all 2,500 due at once"}
    left = [0.0] * len(cases)
    for part, label, color in (("ask", "asking the registry", READS), ("decide", "deciding", WRITES)):
        values = [result["metrics"][f"{case}.{part}_ms"]["value"] for case in cases]
        axis.barh(list(cases.values()), values, left=left, color=color, label=label)
        left = [before + value for before, value in zip(left, values, strict=True)]
    whole = [result["metrics"][f"{case}.round_ms"]["value"] for case in cases]
    axis.plot(whole, list(cases.values()), "|", color="black", markersize=22, label="the whole round, published")
    axis.axvline(500, color=BAD, linewidth=0.8, linestyle="--", label="the goal of the decision")
    axis.set_xlabel(f"ms, with {result['metrics']['history.rows']['value']:,.0f} runs of history")
    axis.invert_yaxis()
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, fontsize=8, loc="lower right")


def triton(result: dict[str, Any], figure: Figure) -> None:
    """What a call costs more than tritonclient's alone, and what becomes of calls in trouble."""
    ours, pytriton = result["metrics"], result["peers"]["pytriton"]["metrics"]
    apis = ("http", "http-aio", "grpc", "grpc-aio")
    figures = {
        "errors_percent": "calls that failed, %",
        "p99_ms": "p99, ms",
        "goodput": "answers in time, a second",
    }
    added, *troubles = figure.subplots(1, 1 + len(figures))
    for at, (name, metrics, color) in enumerate((("ours", ours, WRITES), ("pytriton", pytriton, QUIET))):
        values = [metrics[f"{api}.small.added_p50"]["value"] for api in apis]
        added.bar([x + 0.4 * at for x in range(len(apis))], values, 0.4, label=name, color=color)
    added.set_xticks([x + 0.2 for x in range(len(apis))], apis)
    added.set_title("added to a call of tritonclient, us at p50", fontsize=10)
    limited = {name.replace(".limited.", "."): value for name, value in ours.items() if ".limited." in name}
    peers = ((name, peer["metrics"]) for name, peer in result["peers"].items())
    contenders = (("ours", ours), ("ours, limits_load", limited), *peers)
    whats = ("dead", "slow", "burst")
    for axis, (figure_name, title) in zip(troubles, figures.items(), strict=True):
        for at, ((name, metrics), color) in enumerate(zip(contenders, (WRITES, BAD, READS, QUIET), strict=True)):
            values = [metrics[f"{what}.{figure_name}"]["value"] for what in whats]
            axis.bar([x + 0.2 * at for x in range(len(whats))], values, 0.2, label=name, color=color)
        axis.set_xticks([x + 0.3 for x in range(len(whats))], ["one killed", "one slow", "burst"])
        axis.set_title(title, fontsize=10)
    _finish([added, *troubles], "upper left")


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
    "sheets-throughput": (throughput, (9, 2.8)),
    "sheets-history": (history, (9, 2.5)),
    "triton-sdk": (triton, (15, 3.4)),
}
