"""One team's part of a repository is the same, whether the others' files are read or not."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from drivetrain.sheets import related
from drivetrain.sheets.catalog import load_teams
from drivetrain.teams import UNASSIGNED
from standins.fleet.fleet import draw_fleet
from standins.fleet.write import write_fleet

TEAMS = ("retail", "pricing", "lending")
SPEC = """sync: {name}
description: A sync
team: {team}
owner: someone@example.com
source: {{query: SELECT 1 AS A}}
target: {{spreadsheet_id: {book}, tab: {tab}{connection}}}
mode: replace
columns: [{{name: A, header: A, type: integer}}]
"""


def write_repository(include: Path, draw: random.Random) -> None:
    """Some specs, few names, workbooks and tabs: many are in each other's way, and some can't be used at all."""
    books = [f"1Book{number:039}" for number in range(5)]
    for _ in range(draw.randint(5, 25)):
        name = f"sync_{draw.randint(1, 12):02}"
        team = draw.choice(TEAMS)
        text = SPEC.format(
            name=name,
            team=draw.choice((team, team, f'"{team}"', f'"\\x{ord(team[0]):02x}{team[1:]}"')),
            book=draw.choice(books),
            tab=draw.choice("ABCD"),
            connection=draw.choice(("", "", "", ", connection: other_sheets")),
        )
        if draw.random() < 0.15:
            text = text.replace("mode: replace", "mode: wrong")
        if draw.random() < 0.05:
            text = "sync: [\n"
        path = include / "specs" / "sheets" / f"part_{draw.randint(1, 4)}" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if draw.random() < 0.03:
            path.write_bytes(b"sync: \xff\n")


@pytest.mark.parametrize("seed", range(60))
def test_a_team_alone_has_the_syncs_and_the_errors_that_it_has_among_all(seed, tmp_path):
    write_repository(tmp_path, random.Random(seed))
    among_all = {team.team: team for team in load_teams(tmp_path)}
    assert among_all
    for name in (*TEAMS, UNASSIGNED):
        alone = load_teams(tmp_path, only=name)
        assert alone == ((among_all[name],) if name in among_all else ())


def test_the_repositories_of_the_test_above_have_conflicts(tmp_path):
    messages = []
    for seed in range(60):
        write_repository(tmp_path / str(seed), random.Random(seed))
        messages += [spec.message for team in load_teams(tmp_path / str(seed)) for spec in team.broken]
    for word in ("has that name too", "writes that tab too", "share one connection", "is the workbook of team", "mode"):
        assert any(word in message for message in messages), word


def test_the_files_of_other_teams_are_not_parsed(tmp_path, monkeypatch):
    fleet = draw_fleet(200)
    write_fleet(fleet, tmp_path / "fleet")
    parsed = []
    load_spec = related.load_spec
    monkeypatch.setattr(related, "load_spec", lambda path, model: parsed.append(path) or load_spec(path, model))
    (team,) = load_teams(tmp_path / "fleet" / "include", only="support")
    own = {sync.path for sync in team.syncs}
    assert own
    assert own <= set(parsed)
    assert len(parsed) < 1.5 * len(own)
    assert len(parsed) == len(set(parsed))
