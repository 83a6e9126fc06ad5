"""The Dockerfile, read and not built: what must never be in the image, and the rules that linters have."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.docker.files import REPOSITORY, Instruction, dockerfile, lineage, parents

IMAGES = ("airflow", "feature-server", "standins")
BUILD_TOOL = re.compile(r"\b(gcc|g\+\+|build-essential|python3-dev|python3-pip|curl|wget)\b")
SECRET = re.compile(r"(?i)\b\w*(password|passwd|secret|token|api_?key|private_?key|fernet)\w*=\S")


def of(instructions: list[Instruction], name: str) -> list[Instruction]:
    return [one for one in instructions if one.name == name]


def in_image(instructions: list[Instruction], image: str) -> list[Instruction]:
    """What an image consists of, oldest first."""
    stages = lineage(instructions, image)
    return [one for stage in reversed(stages) for one in instructions if one.stage == stage]


def test_the_base_image_is_an_argument_whose_default_is_the_official_python_with_a_version(instructions):
    first = instructions[0]
    assert (first.stage, first.name) == ("", "ARG")
    assert re.fullmatch(r"BASE_IMAGE=python:3\.11-slim-\w+", first.text)


def test_each_stage_is_made_from_that_base_or_from_an_earlier_stage(instructions):
    seen: list[str] = []
    for stage, parent in parents(instructions).items():
        assert parent == "${BASE_IMAGE}" or parent in seen, f"{stage} is made from {parent}"
        assert stage not in seen
        seen.append(stage)


def test_a_build_that_names_no_target_makes_the_platforms_image_and_not_the_standins(instructions):
    last = list(parents(instructions))[-1]
    assert last == "airflow"
    assert "standins" not in lineage(instructions, last)


@pytest.mark.parametrize("image", IMAGES)
def test_containers_run_as_a_numbered_user_who_is_not_root(instructions, image):
    users = [one.text for one in in_image(instructions, image) if one.name == "USER"]
    assert users, "no USER"
    assert re.fullmatch(r"[1-9]\d*:0", users[-1]), "Kubernetes' runAsNonRoot takes a number only"


def test_the_image_has_a_health_check_whose_script_is_in_it(instructions):
    runtime = in_image(instructions, "airflow")
    check = next(one for one in runtime if one.name == "HEALTHCHECK")
    script = next(part for part in json.loads(check.text.partition("CMD ")[2]) if part.endswith(".py"))
    assert any(one.name == "COPY" and one.text.endswith(script) for one in runtime)


def test_the_image_holds_our_code_as_a_wheel_and_no_dags_tests_standins_or_development_packages(instructions):
    runtime = in_image(instructions, "airflow")
    copied = [one.text for one in runtime if one.name == "COPY"]
    probes = [f"k8s/compose/{name}.py /opt/drivetrain/{name}.py" for name in ("health", "liveness")]
    assert copied == ["--from=dependencies /opt/venv /opt/venv", *probes]
    made_from = [*runtime, *in_image(instructions, "dependencies"), *in_image(instructions, "wheel")]
    text = "\n".join(one.text for one in made_from)
    assert not re.search(r"standins|requirements-\w+|tests|--editable|-e \.", text)


def test_no_tool_of_the_build_reaches_an_image(instructions):
    for image in IMAGES:
        for one in in_image(instructions, image):
            if one.name == "COPY" and "--from=" in one.text:
                assert one.text.split()[1] in ("/opt/venv", "/opt/standins"), one.text
            if one.name == "RUN" and "install" in one.text:
                assert not BUILD_TOOL.search(one.text), one.text


def test_the_locks_are_installed_as_they_are_and_from_wheels_alone(instructions):
    installs = [one.text for one in of(instructions, "RUN") if "requirements" in one.text and "sync" in one.text]
    assert len(installs) == 3
    for text in installs:
        assert "uv pip sync" in text
        assert "--only-binary :all:" in text
    for hashed in ("standins", "feature-server"):
        assert f"--require-hashes requirements-{hashed}.txt" in " ".join(installs)
    for one in of(instructions, "RUN"):
        for word in re.findall(r"pip install (?!--python)([^&|]*)", one.text):
            assert "--no-cache-dir" in word, one.text
            assert "==" in word, one.text


def test_nothing_secret_is_written_into_an_argument_or_an_environment(instructions):
    for one in instructions:
        if one.name in ("ARG", "ENV", "LABEL"):
            assert not SECRET.search(one.text), f"line {one.line}: {one.text}"
        for mount in re.findall(r"--mount=type=secret\S*", one.text):
            assert "required=true" not in mount, "a build without a proxy needs no secret"


def test_what_a_build_gets_to_see_is_exactly_what_it_copies(instructions):
    patterns = (REPOSITORY / ".dockerignore").read_text().split("\n")
    patterns = [line for line in patterns if line and not line.startswith("#")]
    assert patterns[0] == "*"
    allowed = {line[1:] for line in patterns if line.startswith("!")}
    copied = {
        source for one in of(instructions, "COPY") if "--from=" not in one.text for source in one.text.split()[:-1]
    }
    copied -= {source for source in copied if any(str(folder) in allowed for folder in Path(source).parents)}
    assert copied == allowed
    assert {"**/.env*", "**/__pycache__"} <= set(patterns)


def lint(instructions: list[Instruction]) -> list[str]:
    """What hadolint would say, by its numbers, of the rules that can apply here."""
    found = []
    for one in instructions:
        text = one.text
        rules = {
            "DL3000 WORKDIR is not absolute": one.name == "WORKDIR" and not text.startswith("/"),
            "DL3003 cd instead of WORKDIR": one.name == "RUN" and bool(re.search(r"(^|[;&] *)cd ", text)),
            "DL3004 sudo": one.name == "RUN" and "sudo " in text,
            "DL3007 latest": one.name in ("FROM", "ARG") and ":latest" in text,
            "DL3009 lists of apt are left": "apt-get update" in text and "rm -rf /var/lib/apt/lists" not in text,
            "DL3014 apt-get asks": "apt-get install" in text and not re.search(r"--yes|-y\b", text),
            "DL3015 recommended packages": "apt-get install" in text and "--no-install-recommends" not in text,
            "DL3020 ADD": one.name == "ADD",
            "DL3025 not in the JSON form": one.name in ("CMD", "ENTRYPOINT") and not text.startswith("["),
            "DL3027 apt": one.name == "RUN" and bool(re.search(r"\bapt (install|update)", text)),
            "DL4000 MAINTAINER": one.name == "MAINTAINER",
            "DL4006 a pipe without pipefail": one.name == "RUN" and bool(re.search(r"[^|]\|[^|]", text)),
            "DL3059 upgrade": "apt-get upgrade" in text or "dist-upgrade" in text,
        }
        found += [f"line {one.line}: {rule}" for rule, broken in rules.items() if broken]
    return found


def test_the_usual_rules_for_dockerfiles_hold(instructions):
    assert lint(instructions) == []


def test_the_rules_find_what_they_are_for():
    bad = dockerfile(
        "FROM python:latest AS x\nADD a b\nRUN apt-get update && \\\n  # why\n  apt-get install git\n"
        "CMD airflow\nWORKDIR a\n"
    )
    assert [line.split(": ")[1].split()[0] for line in lint(bad)] == [
        *("DL3007", "DL3020", "DL3009", "DL3014", "DL3015", "DL3025", "DL3000")
    ]


def test_every_file_that_is_copied_exists(instructions):
    for one in of(instructions, "COPY"):
        if "--from=" not in one.text:
            for source in one.text.split()[:-1]:
                assert Path(REPOSITORY, source).exists(), f"line {one.line}: {source}"
