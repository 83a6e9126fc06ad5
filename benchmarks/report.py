"""docs/BENCHMARKS.md, its plots and README.md's figures, made from benchmarks/results/*.json alone.

Usage: python -m benchmarks.report.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.frame import RESULTS
from benchmarks.pictures import PICTURES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.figure import Figure

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "BENCHMARKS.md"
IMAGES = DOCS / "img"
README = DOCS.parent / "README.md"
README_STEPS = {
    "first": "first run",
    "unchanged": "again, nothing changed",
    "changed": "every 100th row changed",
    "clustered": "the last 1% changed",
}
README_NAMES = {
    "drivetrain": "Drivetrain",
    "drivetrain_apart": "Drivetrain, if no two syncs shared a workbook",
    "sql_to_google_sheets": "Airflow's SQLToGoogleSheetsOperator",
    "sql_to_google_sheets_split": "the same, cut into slices by hand",
    "gspread_dataframe": "gspread-dataframe",
}
STEPS = ("first", "unchanged", "changed", "clustered")
STEP_LABELS = ("first", "unchanged", "every 100th row", "last 1%")
# Metrics that a plot compares, by benchmark: (title, metric suffix, unit, divide by).
PLOTS = {
    "sheets": (
        ("Time", "seconds", "s", 1),
        ("Peak memory", "peak_mib", "MiB", 1),
        ("Write calls", "write_calls", "calls", 1),
        ("Bytes sent", "bytes_sent", "MB", 1e6),
    )
}


def contenders(result: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each contender's name and metrics, ours first; a prefix of our metrics is a way of running ours."""
    ways = {key.split(".")[0] + "." for key in result["metrics"] if key.count(".") == 3}
    plain = {key: value for key, value in result["metrics"].items() if not key.startswith(tuple(ways))}
    yield "drivetrain", plain
    for way in sorted(ways):
        own = {key.removeprefix(way): value for key, value in result["metrics"].items() if key.startswith(way)}
        yield f"drivetrain, {way.rstrip('.').replace('_', ' ')}", own
    for name, peer in result["peers"].items():
        yield f"{name.replace('_', ' ')} ({peer['version']})", peer["metrics"]


def section(result: dict[str, Any]) -> list[str]:
    """One benchmark in Markdown."""
    machine = result["machine"]
    lines = [
        f"## {result['name']}",
        "",
        f"`make bench-{result['name']}`, {result['date']}, {machine['cpus']} cores, {machine['memory_gib']} GiB, "
        f"Python {machine['python']}. " + " ".join(f"*{name}*: {what}." for name, what in result["load"].items()),
        "",
        *(
            [f"![{result['name']}](img/bench-{result['name']}.svg)", ""]
            if result["name"] in {*PLOTS, *PICTURES}
            else []
        ),
        "| target | goal | measured | met |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {t['metric']} | {t['op']} {t['goal']:g} | {t['value']:g} | {'yes' if t['met'] else '**no**'} |"
        for t in result["targets"]
    ]
    measured = {metric.rsplit(".", 1)[0] for _, metrics in contenders(result) for metric in metrics}
    for load, step in ((load, step) for load in result["load"] for step in STEPS):
        name = f"{load}.{step}"
        if name not in measured:
            continue
        lines += [
            "",
            f"### {load}, {step}",
            "",
            "| | time, s | CPU, s | peak memory, MiB | write calls | read calls | MB sent | MB received |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for contender, metrics in contenders(result):
            if f"{name}.seconds" in metrics:
                lines.append(f"| {contender} | {' | '.join(_cells(metrics, name))} |")
    if result["name"] not in PLOTS:
        lines += ["", *_plain_table(result["metrics"])]
        for name, peer in result["peers"].items():
            if peer["metrics"]:
                lines += ["", f"{name} ({peer['version']}):", "", *_plain_table(peer["metrics"])]
    if result["notes"]:
        lines += ["", *[f"- {note}" for note in result["notes"]]]
    return lines


def _plain_table(metrics: dict[str, dict[str, Any]]) -> list[str]:
    """A metric a line; without a spread where each was measured once."""
    is_spread = any(entry.get("repeats", 1) > 1 for entry in metrics.values())
    lines = (
        ["| what | median | smallest to largest |", "|---|---|---|"]
        if is_spread
        else ["| what | measured |", "|---|---|"]
    )
    for name, entry in metrics.items():
        low, high = entry.get("spread") or (entry["value"], entry["value"])
        line = f"| {name.replace('_', ' ')} | {entry['value']:,g} {entry['unit']} |"
        lines.append(f"{line} {low:,g} to {high:,g} |" if is_spread else line)
    return lines


def _cells(metrics: dict[str, Any], name: str) -> list[str]:
    def shown(metric: str, divide: float = 1, digits: int = 2) -> str:
        entry = metrics[f"{name}.{metric}"]
        low, high = (value / divide for value in entry["spread"])
        text = f"{entry['value'] / divide:.{digits}f}"
        return (
            text if f"{low:.{digits}f}" == f"{high:.{digits}f}" else f"{text} ({low:.{digits}f} to {high:.{digits}f})"
        )

    return [
        shown("seconds"),
        shown("cpu_seconds"),
        shown("peak_mib", digits=0),
        shown("write_calls", digits=0),
        shown("read_calls", digits=0),
        shown("bytes_sent", 1e6),
        shown("bytes_received", 1e6),
    ]


def picture(result: dict[str, Any]) -> None:
    """The picture of a benchmark that is about time."""
    plt = _pyplot()
    draw, size = PICTURES[result["name"]]
    figure = plt.figure(figsize=size)
    draw(result, figure)
    figure.tight_layout()
    _save(figure, result)


def plot(result: dict[str, Any]) -> None:
    """A row a load, a column a metric, the steps side by side."""
    plt = _pyplot()
    loads = list(result["load"])
    panels = PLOTS[result["name"]]
    figure, axes = plt.subplots(len(loads), len(panels), figsize=(4.2 * len(panels), 3.0 * len(loads)), squeeze=False)
    every = list(contenders(result))
    for row, load in enumerate(loads):
        for column, (title, metric, unit, divide) in enumerate(panels):
            axis = axes[row][column]
            width = 0.8 / len(every)
            for place, (name, metrics) in enumerate(every):
                values = [metrics.get(f"{load}.{step}.{metric}", {"value": 0})["value"] / divide for step in STEPS]
                axis.bar([i + place * width for i in range(len(STEPS))], values, width, label=name)
            axis.set_xticks([i + 0.4 - width / 2 for i in range(len(STEPS))], STEP_LABELS, fontsize=7)
            axis.set_title(f"{load}: {title}, {unit}", fontsize=10)
            axis.spines[["top", "right"]].set_visible(False)
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=2, frameon=False, fontsize=9)
    figure.tight_layout(rect=(0, 0.12, 1, 1))
    _save(figure, result)


def _pyplot() -> Any:
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "drivetrain"  # the same picture from the same figures
    from matplotlib import pyplot

    return pyplot


def _save(figure: Figure, result: dict[str, Any]) -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    figure.savefig(IMAGES / f"bench-{result['name']}.svg", metadata={"Date": None})
    _pyplot().close(figure)


def readme_tables(result: dict[str, Any]) -> list[str]:
    """The figures that README.md quotes: a table a load, a row a contender, a column a step."""
    lines: list[str] = []
    failed = {(run["load"], run["contender"]): run["error"] for run in result["runs"] if run["error"]}
    for load, what in result["load"].items():
        labels = README_STEPS.values()
        lines += ["", f"| {what} | {' | '.join(labels)} |", "|---" * (len(labels) + 1) + "|"]
        for (name, metrics), key in zip(contenders(result), contender_keys(result), strict=True):
            refused = failed.get((load, key))
            if f"{load}.first.seconds" in metrics:
                cells = [_quoted(metrics, f"{load}.{step}") for step in README_STEPS]
            elif refused:
                why = "refused: over 10 MiB a request" if "payload size" in refused else f"failed: {refused:.60}"
                cells = [why] * len(labels)
            else:
                continue
            lines.append(f"| {README_NAMES.get(key, name)} | {' | '.join(cells)} |")
    return [*lines, ""]


def contender_keys(result: dict[str, Any]) -> list[str]:
    """The names of contenders in the runs, in the order of `contenders`."""
    ours = ["drivetrain", "drivetrain_apart"]
    known = {run["contender"] for run in result["runs"]}
    return [name for name in (*ours, *result["peers"]) if name in known]


def _quoted(metrics: dict[str, Any], name: str) -> str:
    seconds, writes = (metrics[f"{name}.{metric}"]["value"] for metric in ("seconds", "write_calls"))
    sent, peak = (metrics[f"{name}.{metric}"]["value"] for metric in ("bytes_sent", "peak_mib"))
    return f"{seconds:.1f} s, {writes:.0f} writes, {sent / 1e6:.1f} MB, {peak:.0f} MiB"


def quote(result: dict[str, Any], readme: Path = README) -> None:
    """Put a benchmark's tables between its markers in README.md, if it has them."""
    begin, end = f"<!-- bench-{result['name']} -->", f"<!-- /bench-{result['name']} -->"
    text = readme.read_text(encoding="utf-8")
    before, found, rest = text.partition(begin)
    if not found:
        return
    _, _, after = rest.partition(end)
    lines = readme_tables(result) if result["name"] in PLOTS else readme_targets(result)
    readme.write_text("\n".join([before + begin, *lines, end + after]), encoding="utf-8")


def readme_targets(result: dict[str, Any]) -> list[str]:
    """What was asked for and what was measured."""
    return [
        "",
        f"| `make bench-{result['name']}` | goal | measured |",
        "|---|---|---|",
        *(
            f"| {t['metric']} | {t['op']} {t['goal']:,g} | {t['value']:,g}{'' if t['met'] else ', **not met**'} |"
            for t in result["targets"]
        ),
        "",
    ]


def main() -> None:
    """Write the page, the plots and what the README quotes."""
    lines = [
        "# Benchmarks",
        "",
        "Made by `make bench-report` from `benchmarks/results/`. Peers run in the same invocation, on the same local "
        "servers, contenders taking turns; the median is shown, with the smallest and largest behind it. Ratios carry "
        "over to other machines, absolute times do not.",
    ]
    for file in sorted(RESULTS.glob("*.json")):
        result = json.loads(file.read_text(encoding="utf-8"))
        if result["name"] in PLOTS:
            plot(result)
        elif result["name"] in PICTURES:
            picture(result)
        quote(result)
        lines += ["", *section(result)]
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"wrote {PAGE}")


if __name__ == "__main__":
    main()
