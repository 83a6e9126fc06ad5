from __future__ import annotations

import pytest

from standins.kubernetes.dockerfile import Copy, stages
from standins.kubernetes.errors import KubernetesError
from standins.platform.layout import REPOSITORY


@pytest.fixture(scope="module")
def ours():
    return stages(REPOSITORY / "Dockerfile")


def test_our_image_is_what_the_dockerfile_says(ours):
    stage = ours["airflow"]
    assert (stage.user, stage.directory, stage.entrypoint) == ("50000:0", "/opt/airflow", ["tini", "--"])
    assert stage.command == ["airflow", "api-server"]
    assert stage.environment["AIRFLOW_HOME"] == "/opt/airflow"
    assert stage.environment["PATH"] == "/opt/venv/bin:${PATH}"
    assert stage.labels["org.opencontainers.image.version"] == stage.arguments["VERSION"]
    assert {"git", "tini", "ca-certificates", "openssh-client", "tzdata"} == set(stage.packages)
    assert "/opt/airflow/logs" in stage.folders
    assert Copy("k8s/compose/health.py", "/opt/drivetrain/health.py") in stage.copies


def test_a_stage_begins_with_what_the_one_before_it_says(ours):
    extra = ours["standins"]
    assert extra.user == "50000:0"
    assert extra.environment["PYTHONPATH"] == "/opt/drivetrain"
    assert "PYTHONPATH" not in ours["airflow"].environment
    assert set(ours["airflow"].folders) < set(extra.folders)
    assert Copy("standins", "/opt/drivetrain/standins") in extra.copies


def test_the_image_has_nothing_in_airflows_home_that_a_volume_there_would_hide(ours):
    home = ours["airflow"].environment["AIRFLOW_HOME"]
    for stage in (ours["airflow"], ours["standins"]):
        assert [one for one in stage.copies if one.target.startswith(f"{home}/")] == []
        assert [one for one in stage.folders if one.startswith(f"{home}/")] == [f"{home}/logs"]


def test_an_instruction_that_is_not_known_is_not_left_out_in_silence(tmp_path):
    file = tmp_path / "Dockerfile"
    file.write_text("FROM scratch AS one\nONBUILD RUN true\n")
    with pytest.raises(KubernetesError, match="ONBUILD"):
        stages(file)
