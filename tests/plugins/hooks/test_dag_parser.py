"""The process that parses, where it is not what it should be."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from drivetrain.errors import UnavailableError
from hooks.dag_parser import DagParser

if TYPE_CHECKING:
    from pathlib import Path


def test_a_parser_that_reads_no_requests_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "deaf"
    program.write_text("#!/bin/sh\nexec <&-\necho deaf\nexec sleep 60\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    with DagParser() as parser:
        assert parser.is_ready(30)  # it has closed its end by then
        with pytest.raises(UnavailableError, match="can't be started"):
            parser.ask(tmp_path)
