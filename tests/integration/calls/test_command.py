"""`drivetrain calls`, as people use it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from commands.main import app
from drivetrain.errors import FatalError
from tests.support.speech import say, tiny

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


def transcribe(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["calls", "transcribe", *arguments])


@pytest.mark.slow
def test_a_call_is_written_down_for_people_and_for_programs(tmp_path: Path) -> None:
    file = str(say("Which car would you like to sell?", tmp_path / "call.wav"))
    shown = transcribe(file, "--model", str(tiny()), "--language", "en", "--threads", "1")
    assert shown.exit_code == 0, shown.output
    assert "00:00 speaker: Which car would you like to sell?" in shown.output
    assert "left out: nothing" in shown.output
    told = json.loads(transcribe(file, "--model", str(tiny()), "--threads", "1", "--json").stdout)
    words = told["transcript"]["turns"][0]["words"]
    assert [word["text"] for word in words[:3]] == ["Which", "car", "would"]
    assert 0 <= words[0]["start_seconds"] < words[-1]["end_seconds"] < 5
    assert told["figures"]["duration_seconds"] == told["transcript"]["seconds"]


@pytest.mark.slow
def test_what_tells_who_somebody_is_is_left_out_where_that_is_asked_for(tmp_path: Path) -> None:
    text = "My phone number is nine, eight, seven, six, five, four, three, two, one, zero."
    file = str(say(text, tmp_path / "call.wav"))
    shown = transcribe(file, "--model", str(tiny()), "--language", "en", "--threads", "1", "--redact")
    assert shown.exit_code == 0, shown.output
    assert "My phone number is [PHONE]" in shown.output
    assert "7" not in shown.output.partition("talk")[0]


def test_what_is_missing_is_told_in_a_line(tmp_path: Path) -> None:
    for arguments, says in (
        ((str(tmp_path / "no.wav"), "--model", str(tmp_path)), "no.wav: there is no such file"),
        ((str(tmp_path / "no.wav"),), "give either --model, a folder, or --triton, a server"),
        ((str(tmp_path / "no.wav"), "--model", "a", "--triton", "grpc://b:1"), "give either --model"),
    ):
        found = transcribe(*arguments)
        assert isinstance(found.exception, FatalError)
        assert says in str(found.exception)
