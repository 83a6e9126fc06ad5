"""What a PromQL expression selects. Not a parser: enough for ours, and a test says where it is not."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

MONITORING = Path(__file__).parents[2] / "k8s" / "monitoring"
_WORDS = {"and", "or", "unless", "bool", "offset", "inf", "nan"}
_LISTS = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
_RANGES = re.compile(r"\[[^\]]*\]|\boffset\s+\w+")
_SELECTOR = re.compile(r"(?<![\w:.])([a-zA-Z_:][\w:]*)\s*(\{[^}]*\})?(?!\s*\(|[\w:])")


def selectors(expression: str) -> list[str]:
    """Every series that it names, with its matchers: "up{job='x'}"."""
    bare = _RANGES.sub("", _LISTS.sub("", expression))
    found = [(name, matchers or "") for name, matchers in _SELECTOR.findall(bare)]
    return sorted({name + matchers for name, matchers in found if name.lower() not in _WORDS})


def rules() -> list[dict[str, str]]:
    """All rules that record or alert."""
    files = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in sorted(MONITORING.glob("*-rules.yaml"))]
    return [rule for file in files for group in file["groups"] for rule in group["rules"]]


def dashboard_queries() -> dict[str, str]:
    """Expression of every query of every dashboard, by dashboard, panel and query."""
    found = {}
    for file in sorted((MONITORING / "dashboards").glob("*.json")):
        for panel in json.loads(file.read_text(encoding="utf-8"))["panels"]:
            for target in panel.get("targets", []):
                found[f"{file.stem}: {panel['title']}: {target['refId']}"] = target["expr"]
    return found


def metric_of(selector: str) -> str:
    """Its name alone."""
    return selector.partition("{")[0]
