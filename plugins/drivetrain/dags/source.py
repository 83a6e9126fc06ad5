"""What the text of a bundle's files tells without running it: secrets, and imports that each parse pays for."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from drivetrain.dags.problem import Code, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Each costs a tenth of a second up to seconds; Airflow imports them anew in the process of every file that it parses.
SLOW_MODULES = frozenset(
    {
        *("pandas", "numpy", "scipy", "sklearn", "polars", "pyarrow", "duckdb", "matplotlib", "torch", "tensorflow"),
        *("transformers", "snowflake", "google", "gspread", "openai", "kubernetes", "boto3", "pymongo", "tritonclient"),
    }
)
_SECRETS = {
    "a private key": re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----"),
    "an AWS access key": re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a GitHub token": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,})\b"),
    "a Slack token": re.compile(r"\bxox[abeprs]-[A-Za-z0-9-]{10,}|hooks\.slack\.com/services/T\w+/B\w+/\w+"),
    "a Google API key": re.compile(r"\bAIza[0-9A-Za-z_-]{35}\b"),
    "an OpenAI key": re.compile(r"\bsk-[A-Za-z0-9_-]{32,}"),
    "a signed token": re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\."),
    "a password in an address": re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s/:@'\"{}<>$]+:[^\s/:@'\"{}<>$]+@"),
    "a password": re.compile(
        r"(?i)\b[\w-]*(?:password|passwd|secret|token|api_?key|private_key)[\"']?\s*[:=]\s*[\"'][^\s\"'{}<>$]{8,}[\"']"
    ),
}


def source_problems(sources: Mapping[str, str]) -> Iterator[Problem]:
    """All of a bundle's files.

    Args:
        sources: text by path in the bundle.
    """
    for file, text in sorted(sources.items()):
        yield from _secrets(file, text)
        if file.endswith(".py") and file.startswith("dags/"):
            yield from _slow_imports(file, text)


def _secrets(file: str, text: str) -> Iterator[Problem]:
    for number, line in enumerate(text.splitlines(), start=1):
        # One is enough for a line. What it is stays out of the message, which goes to logs.
        what = next((what for what, pattern in _SECRETS.items() if pattern.search(line)), None)
        if what:
            yield Problem(
                Code.SECRET,
                file,
                number,
                f"looks like {what}",
                "revoke it, since git keeps it, and put the new one into an Airflow connection",
            )


def _slow_imports(file: str, text: str) -> Iterator[Problem]:
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return  # parsing says so, and where
    for node in _run_at_import(tree.body):
        for name in _modules(node):
            if name.partition(".")[0] in SLOW_MODULES:
                yield Problem(
                    Code.SLOW_IMPORT,
                    file,
                    node.lineno,
                    f"imports {name} whenever the file is parsed",
                    "import it in the function of the task, or in an operator of plugins/",
                )


def _run_at_import(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        if isinstance(node, ast.If | ast.Try | ast.With | ast.For):
            for part in ("body", "orelse", "finalbody"):
                yield from _run_at_import(getattr(node, part, []))
        if isinstance(node, ast.Try):
            for handler in node.handlers:
                yield from _run_at_import(handler.body)


def _modules(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
