from __future__ import annotations

import pytest

from drivetrain.dags.problem import Code
from drivetrain.dags.source import source_problems

AWS = "AKIA" + "Q" * 16


@pytest.mark.parametrize(
    "line",
    [
        "-----BEGIN RSA PRIVATE" + " KEY-----",
        f"key = '{AWS}'",
        "token = 'ghp_" + "a" * 36 + "'",
        "url: https://hooks.slack.com/" + "services/T0AB/B0CD/" + "x" * 24,
        "dsn = 'postgresql://airflow:" + "hunter22" + "@db/airflow'",
        'PASSWORD = "' + "correct-horse" + '"',
        "snowflake_password: '" + "correct-horse" + "'",
    ],
)
def test_a_line_that_looks_like_a_secret_is_told_and_not_shown(line: str) -> None:
    (problem,) = source_problems({"include/specs/a.yaml": f"a: 1\n{line}\n"})
    assert (problem.code, problem.where) == (Code.SECRET, "include/specs/a.yaml:2")
    for part in (AWS, "hunter22", "correct-horse", "ghp_"):
        assert part not in problem.told()


@pytest.mark.parametrize(
    "line",
    [
        "password = os.environ['DB_PASSWORD']",
        "token: '{{ conn.crm.password }}'",
        "connection: drivetrain_alerts_slack",
        "https://docs.example.org/a:b@c",
        "secret = ''",
        "# the password is in the connection",
    ],
)
def test_a_line_that_only_speaks_of_secrets_is_well(line: str) -> None:
    assert list(source_problems({"dags/a.py": f"{line}\n"})) == []


def test_an_import_that_each_parse_pays_for_is_told_wherever_it_runs() -> None:
    text = (
        "from typing import TYPE_CHECKING\nimport pandas as pd\ntry:\n    from google.cloud import storage\n"
        "except ImportError:\n    import torch\nif TYPE_CHECKING:\n    import numpy\n"
        "def work():\n    import polars\nfrom . import snowflake\n"
    )
    found = list(source_problems({"dags/a.py": text, "include/b.py": "import pandas\n"}))
    assert [(problem.line, problem.text.split()[1]) for problem in found] == [
        (2, "pandas"),
        (4, "google.cloud"),
        (6, "torch"),
    ]


def test_a_file_that_is_no_python_is_left_to_the_parser() -> None:
    assert list(source_problems({"dags/a.py": "import (\n"})) == []
