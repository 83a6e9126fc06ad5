from __future__ import annotations

import struct

import pytest

from standins.kubernetes.dns import answer, names_of, question

KNOWN = {"airflow.drivetrain.svc.cluster.local": "10.1.2.3", "headless.drivetrain.svc.cluster.local": ""}
TYPE_AAAA = 28


def code_and_answers(response: bytes) -> tuple[int, int]:
    _, flags, _, answers, *_ = struct.unpack_from("!6H", response)
    return flags & 0xF, answers


def test_a_service_has_the_address_that_the_api_server_gave_it():
    response = answer(question("Airflow.drivetrain.svc.cluster.local"), KNOWN)
    assert code_and_answers(response) == (0, 1)
    assert response[-4:] == bytes([10, 1, 2, 3])


@pytest.mark.parametrize(
    ("name", "kind"),
    [("headless.drivetrain.svc.cluster.local", 1), ("airflow.drivetrain.svc.cluster.local", TYPE_AAAA)],
)
def test_a_name_without_an_address_of_this_kind_is_no_error(name, kind):
    assert code_and_answers(answer(question(name, kind), KNOWN)) == (0, 0)


def test_a_name_that_is_no_services_does_not_exist():
    assert code_and_answers(answer(question("example.com"), KNOWN)) == (3, 0)


def test_before_the_api_server_has_answered_nobody_is_told_that_a_name_does_not_exist():
    assert code_and_answers(answer(question("airflow.drivetrain.svc.cluster.local"), None)) == (2, 0)


@pytest.mark.parametrize("cut", [12, 20])
def test_half_a_query_is_refused_and_ends_nothing(cut):
    query = question("airflow.drivetrain.svc.cluster.local")[:cut]
    assert code_and_answers(answer(query, KNOWN)) == (1, 0)


def test_names_are_of_the_service_and_its_namespace():
    services = [
        {"metadata": {"name": "a", "namespace": "b"}, "spec": {"clusterIP": "10.0.0.1"}},
        {"metadata": {"name": "c", "namespace": "b"}, "spec": {"clusterIP": "None"}},
    ]
    assert names_of(services) == {"a.b.svc.cluster.local": "10.0.0.1", "c.b.svc.cluster.local": ""}
