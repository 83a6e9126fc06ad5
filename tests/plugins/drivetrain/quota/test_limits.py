from __future__ import annotations

from typing import Any

import pytest

from drivetrain.errors import FatalError
from drivetrain.quota.limits import Limits, Scope, project_of
from drivetrain.quota.port import Kind, Priority


def test_the_defaults_are_googles() -> None:
    limits = Limits()
    assert [limits.allowed(kind, Scope.PROJECT, Priority.HIGH) for kind in Kind] == [300, 300]
    assert [limits.allowed(kind, Scope.ACCOUNT, Priority.HIGH) for kind in Kind] == [60, 60]


@pytest.mark.parametrize("priority", [Priority.LOW, Priority.NORMAL])
def test_a_fifth_is_kept_for_those_above_normal(priority: Priority) -> None:
    assert Limits().allowed(Kind.WRITE, Scope.ACCOUNT, priority) == 48
    assert Limits().allowed(Kind.READ, Scope.PROJECT, priority) == 240
    assert Limits(account_reads=1).allowed(Kind.READ, Scope.ACCOUNT, priority) == 1


def test_shares_add_up_to_no_more_than_the_limits() -> None:
    share = Limits(account_reads=50).shared_by(8)
    assert (share.project_reads, share.project_writes, share.account_reads, share.account_writes) == (37, 37, 6, 7)
    assert Limits().shared_by(1) == Limits()
    assert Limits().shared_by(100).account_writes == 1


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("60", "connection r: sheets_quota: '60' is not an object, such as "),
        ({"account_read": 5}, "connection r: sheets_quota: unknown key account_read; known: project_reads, "),
        ({"account_reads": "5"}, "connection r: sheets_quota: account_reads: '5' is not a whole number"),
        ({"account_reads": 2.5}, "account_reads: 2.5 is not a whole number"),
        ({"account_reads": True}, "account_reads: True is not a whole number"),
        ({"account_reads": 0}, "account_reads: 0 is less than one call"),
        ({"reserve_share": 1}, "reserve_share: 1 is not from 0 up to 1"),
        ({"keep_seconds": 60}, "keep_seconds from 0 up to window_seconds"),
        ({"window_seconds": None}, "window_seconds: None is not a number"),
    ],
)
def test_a_wrong_extra_is_refused_by_its_name(document: Any, message: str) -> None:
    with pytest.raises(FatalError) as caught:
        Limits.parse(document, where="connection r: sheets_quota")
    assert message in str(caught.value)


def test_an_extra_changes_what_it_names() -> None:
    assert Limits.parse({"account_reads": 120, "reserve_share": 0}, where="") == Limits(
        account_reads=120, reserve_share=0
    )


def test_the_project_is_in_a_service_accounts_address() -> None:
    assert project_of("sync-1@drivetrain.iam.gserviceaccount.com") == "drivetrain.iam.gserviceaccount.com"
    assert project_of("somebody") == "somebody"
