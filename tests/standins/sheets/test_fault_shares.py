from __future__ import annotations

import pytest

from standins.sheets.faults import Faults


def struck(seed: int, calls: int = 2_000) -> list[str | None]:
    faults = Faults()
    faults.add({"kind": "429", "share": 0.1, "seed": seed})
    faults.add({"kind": "503", "share": 0.05, "seed": seed + 1, "method": "*batchUpdate"})
    found = [faults.take("spreadsheets.get", "book") for _ in range(calls)]
    return [fault.kind if fault else None for fault in found]


def test_a_fault_with_a_share_strikes_about_that_part_of_the_calls_that_it_matches_by_its_seed():
    kinds = struck(seed=1)
    assert 150 < kinds.count("429") < 250
    assert kinds.count("503") == 0
    assert kinds == struck(seed=1) != struck(seed=2)


def test_it_goes_on_until_it_is_cleared():
    faults = Faults()
    faults.add({"kind": "429", "share": 1.0})
    assert [fault.kind for _ in range(3) if (fault := faults.take("spreadsheets.get", None))] == ["429"] * 3
    assert [(fault["kind"], fault["fired"], fault["remaining"]) for fault in faults.listed()] == [("429", 3, None)]
    faults.clear()
    assert faults.take("spreadsheets.get", None) is None


@pytest.mark.parametrize("share", [0, -0.1, 1.1])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(ValueError, match="share"):
        Faults().add({"kind": "429", "share": share})
