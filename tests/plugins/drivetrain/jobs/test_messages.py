"""Jobs as messages, and messages that are none."""

from __future__ import annotations

import datetime as dt
import string

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivetrain.errors import LimitError
from drivetrain.jobs.messages import MalformedJobError, decode, decode_dead, encode, encode_dead, revived
from drivetrain.jobs.queue import MAX_ATTEMPTS, MAX_PRIORITY, Job

NOON = dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC)
GOOD = {"key": "a", "group": "g", "kind": "k"}

names = st.text(string.ascii_letters + string.digits + string.punctuation, min_size=1, max_size=200)
values = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
# At a fixed offset: Python holds no two times of different zones for equal where one of them comes twice, or never.
times = st.datetimes(timezones=st.timezones()).map(
    lambda at: at.astimezone(dt.timezone(at.utcoffset() or dt.timedelta()))
)
jobs = st.builds(
    Job,
    key=names,
    group=names,
    kind=st.just("k"),
    payload=st.dictionaries(
        st.text(st.characters(codec="utf-8"), max_size=9), values | st.text(max_size=20), max_size=4
    ),
    priority=st.integers(-MAX_PRIORITY, MAX_PRIORITY),
    deadline=st.none() | times,
    not_before=st.none() | times,
    attempts=st.integers(1, MAX_ATTEMPTS),
)


@given(jobs)
def test_every_job_survives_the_way_there_and_back(job: Job) -> None:
    body, attributes = encode(job)
    back = decode(body, attributes, kind="k")
    assert back == job
    assert all(value.isprintable() for value in attributes.values())


@given(jobs, st.text(max_size=2_000), st.integers(0, 10**6))
def test_every_job_survives_its_death(job: Job, reason: str, attempts: int) -> None:
    body, attributes = encode_dead(*encode(job), reason=reason, attempts=attempts, at=NOON)
    letter = decode_dead(body, attributes, kind="k", published_at=NOON)
    assert (letter.key, letter.group, letter.attempts, letter.buried_at) == (job.key, job.group, attempts, NOON)
    assert letter.payload == job.payload
    assert reason.encode("utf-8", "replace").decode().startswith(letter.reason)
    assert all(len(value.encode()) <= 1_024 for value in attributes.values())
    assert decode(body, revived(attributes), kind="k") == job


@given(st.binary(max_size=200), st.dictionaries(st.text(max_size=12), st.text(max_size=30), max_size=8))
def test_whatever_is_published_is_a_job_or_malformed_in_one_line(body: bytes, attributes: dict[str, str]) -> None:
    for given_attributes in (attributes, {**GOOD, **attributes}, {**attributes, **GOOD}):
        refusal = ""
        try:
            decode(body, given_attributes, kind="k")
        except MalformedJobError as error:
            refusal = str(error)
        assert "\n" not in refusal
        assert len(refusal) < 400
        dead = encode_dead(body, given_attributes, reason="no", attempts=0, at=NOON, malformed=True)
        assert decode_dead(*dead, kind="k", published_at=NOON).reason == "no"


@pytest.mark.parametrize("text", ["", "-", " 1", "1_0", "1.0", "٣", "99999999999", "0x1"])
def test_a_number_that_people_would_not_write_is_none(text: str) -> None:
    with pytest.raises(MalformedJobError, match=r"attribute priority: .* is no whole number"):
        decode(b"{}", {**GOOD, "priority": text}, kind="k")


def test_google_s_own_attributes_are_no_business_of_ours() -> None:
    attributes = {**GOOD, "googclient_schemaencoding": "JSON"}
    assert decode(b"{}", attributes, kind="k").key == "a"
    assert "googclient_schemaencoding" not in encode_dead(b"", attributes, reason="", attempts=0, at=NOON)[1]


def test_a_payload_that_is_too_large_is_refused_on_both_sides() -> None:
    large = Job(key="a", group="g", kind="k", payload={"text": "x" * 1_000_000})
    with pytest.raises(LimitError, match="job a: payload: 1000011 bytes are more than 1000000"):
        encode(large)
    with pytest.raises(MalformedJobError, match="the body has 1000011 bytes"):
        decode(orjson.dumps({"text": "x" * 1_000_000}), GOOD, kind="k")


def test_a_malformed_message_is_cut_to_what_a_dead_letter_may_have() -> None:
    attributes = {f"attribute-{n:03}": "x" for n in range(100)}
    body, dead = encode_dead(b"x" * 10_000_000, attributes, reason="no", attempts=0, at=NOON, malformed=True)
    assert len(body) == 100_000
    assert len(dead) == 100
    assert dead["dead_reason"] == "no"


def test_a_dead_letter_that_others_wrote_is_shown_as_far_as_it_goes() -> None:
    letter = decode_dead(b"\xff", {"dead_attempts": "many"}, kind="k", published_at=NOON)
    assert (letter.key, letter.kind, letter.attempts, letter.buried_at) == ("", "k", 0, NOON)
    assert letter.payload == {"body": "�"}
    assert letter.reason == "it came to the dead letters without a reason"
