"""What a number is by itself."""

from __future__ import annotations

import pytest

from drivetrain.calls.pii.kinds import Kind
from drivetrain.calls.pii.numbers import is_card, is_phone, kinds_of


@pytest.mark.parametrize("digits", ["9845012345", "09845012345", "919845012345", "08026543210"])
def test_indian_telephones_are_known_with_and_without_prefix(digits: str) -> None:
    assert is_phone(digits)


def test_a_foreign_telephone_is_known_by_its_plus_sign() -> None:
    assert is_phone("442079460958", is_international=True)
    assert not is_phone("4420")


def test_check_digits_tell_a_card_and_an_aadhaar_from_a_number() -> None:
    assert is_card("4111111111111111")
    assert not is_card("4111111111111112")
    assert Kind.AADHAAR in kinds_of("234123412346")
    assert kinds_of("234123412340") == {}
