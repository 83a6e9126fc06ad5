from __future__ import annotations

import sys

import pytest

from standins.kubernetes.errors import KubernetesError
from standins.kubernetes.programs import output_of


def python(text: str) -> list[str]:
    return [sys.executable, "-S", "-I", "-c", text]


def test_what_it_prints_is_the_answer_and_what_it_reads_is_given():
    assert output_of(python("print(input().upper())"), timeout_seconds=30, text="node\n") == "NODE\n"


def test_without_input_it_reads_nothing_instead_of_the_terminal():
    assert output_of(python("import sys; print(repr(sys.stdin.read()))"), timeout_seconds=30) == "''\n"


def test_a_failure_is_one_line_with_its_name_code_and_last_words():
    with pytest.raises(KubernetesError, match=r"^the loader ended with exit code 3: no such table$"):
        output_of(
            python("import sys; print('trace\\nno such table', file=sys.stderr); sys.exit(3)"),
            timeout_seconds=30,
            what="the loader",
        )


def test_a_program_that_hangs_is_ended_and_named():
    with pytest.raises(KubernetesError, match=r"time.sleep\(60\)` did not end within 0 s\.$"):
        output_of(python("import time; time.sleep(60)"), timeout_seconds=0.3)
