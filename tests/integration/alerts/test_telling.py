"""Rounds over a real Postgres and real servers, with failures in between."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from drivetrain.alerts import telling
from drivetrain.alerts.alert import Alert, Kind
from drivetrain.alerts.conditions import Findings
from drivetrain.alerts.notice import Links, Notice
from drivetrain.alerts.routes import AlertRoutes
from drivetrain.alerts.telling import Report, Teller
from drivetrain.retry import RetryPolicy
from drivetrain.state.alerts import PostgresAlerts
from hooks.alert_posts import SlackSender, WebhookSender
from tests.support.alerts import HOUR, MINUTE, NOON, alert
from tests.support.jobs import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from sqlalchemy.engine import Engine

    from drivetrain.alerts.entry import Entry
    from drivetrain.alerts.notice import Sender
    from tests.support.receivers import HttpReceiver

SLACK = "/services/T0/B0/topsecret"
ONCE = RetryPolicy(attempts=1)
JUDGED = frozenset(set(Kind) - {Kind.TASK, Kind.CHANNEL})
ROUTES = AlertRoutes.model_validate(
    {
        "channels": {
            "slack": {"kind": "slack", "connection": "slack"},
            "hook": {"kind": "webhook", "connection": "hook"},
        },
        "routes": {"default": ["slack", "hook"]},
    }
)


def holds(*alerts: Alert) -> Findings:
    return Findings(alerts, JUDGED, frozenset({Kind.TASK}))


class Rounds:
    """Rounds five minutes apart."""

    def __init__(self, engine: Engine) -> None:
        self.clock = FakeClock(NOON)
        self.memory: Any = PostgresAlerts(engine)
        self.senders: dict[str, Sender] = {
            "slack": SlackSender("slack", retry=ONCE),
            "hook": WebhookSender("hook", retry=ONCE),
        }

    def tell(self, *alerts: Alert) -> Report:
        self.clock.now += 5 * MINUTE
        teller = Teller(ROUTES, self.senders, self.memory, links=Links(), clock=self.clock)
        return teller.tell(holds(*alerts))


@pytest.fixture
def rounds(engine: Engine) -> Rounds:
    return Rounds(engine)


def headlines(http: HttpReceiver) -> list[str]:
    return [str(post.json["headline"]).removeprefix("Drivetrain: ") for post in http.at("/hook")]


def test_each_channel_hears_of_an_alert_once_again_after_the_interval_and_once_that_it_is_over(
    rounds: Rounds, http: HttpReceiver
) -> None:
    assert rounds.tell(alert("a"), alert("b")).told == 4
    assert rounds.tell(alert("a"), alert("b")).told == 0
    rounds.clock.now += 4 * HOUR
    rounds.tell(alert("a"), alert("b"))
    rounds.tell(alert("b"))
    rounds.tell(alert("b"))
    assert headlines(http) == ["2 new", "2 still on", "1 over"]
    assert len(http.at(SLACK)) == 3


def test_a_channel_that_fails_stops_no_other_which_hear_of_it_and_it_hears_all_later(
    rounds: Rounds, http: HttpReceiver
) -> None:
    http.answers[SLACK] = [500, 404]
    report = rounds.tell(alert("a"))
    assert list(report.failed) == ["slack"]
    assert report.unheard == [], "the webhook heard that Slack fails"
    assert headlines(http) == ["1 new", "1 new"]
    assert "alert channel slack: can't be told: connection slack: HTTP 500" in str(http.at("/hook")[1].json)
    assert list(rounds.tell().failed) == ["slack"], "the alert is over, and Slack has not heard of it"
    assert rounds.tell().failed == {}
    (post,) = http.at(SLACK)
    assert "after 5 min, could not be told before" in str(post.json["text"])
    assert headlines(http) == ["1 new", "1 new", "1 over", "1 over"], "a is over, and Slack works again"


def test_where_nobody_can_be_told_the_round_says_so_and_nothing_is_lost(rounds: Rounds, http: HttpReceiver) -> None:
    http.answers = {SLACK: [404], "/hook": [404]}
    assert rounds.tell(alert("a")).unheard == ["hook", "slack"]
    assert rounds.tell(alert("a")).told == 4
    assert headlines(http) == ["1 new", "1 over"], "each hears that the other one failed"


def test_a_fault_of_a_channels_own_stops_no_other(rounds: Rounds, http: HttpReceiver) -> None:
    class Broken:
        def send(self, notice: Notice) -> None:
            raise KeyError(notice.headline)

    rounds.senders["slack"] = Broken()
    report = rounds.tell(alert("a"))
    assert report.failed["slack"].startswith("unexpected KeyError")
    assert headlines(http)[0] == "1 new"


def test_many_alerts_are_told_in_parts_and_a_part_that_failed_comes_alone(
    rounds: Rounds, http: HttpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "ITEMS_AT_ONCE", 50)
    http.answers["/hook"] = [200, 500]
    many = [alert(f"s{n}") for n in range(120)]
    rounds.tell(*many)
    assert headlines(http) == ["50 new"]
    rounds.tell(*many)
    assert headlines(http) == ["50 new", "50 new", "20 new"]
    ids = [told["id"] for post in http.at("/hook") for told in post.json["alerts"]]  # type: ignore[attr-defined]
    assert len(set(ids)) == len(ids) == 120


class Killed(BaseException):
    """The process ends here."""


class Mortal:
    """Memory and senders of a process that is killed at one of their calls, before or after it happened."""

    def __init__(self, rounds: Rounds, at: int) -> None:
        self._calls = itertools.count()
        self._at, self._memory = at, rounds.memory
        self.senders = {name: _MortalSender(self, sender) for name, sender in rounds.senders.items()}

    def step(self, do: Callable[[], Any]) -> Any:
        call = next(self._calls)
        if call * 2 == self._at:
            raise Killed
        done = do()
        if call * 2 + 1 == self._at:
            raise Killed
        return done

    def current(self) -> Sequence[Entry]:
        return self.step(self._memory.current)  # type: ignore[no-any-return]

    def keep(self, entries: Collection[Entry]) -> None:
        self.step(lambda: self._memory.keep(entries))

    def forget(self, keys: Collection[tuple[str, str]]) -> None:
        self.step(lambda: self._memory.forget(keys))


class _MortalSender:
    def __init__(self, mortal: Mortal, sender: Sender) -> None:
        self._mortal, self._sender = mortal, sender

    def send(self, notice: Notice) -> None:
        self._mortal.step(lambda: self._sender.send(notice))


def heard(http: HttpReceiver, path: str, news: str) -> int:
    return sum(news in str(post.json) for post in http.at(path))


@pytest.mark.parametrize("second", [False, True], ids=["while it begins", "while it ends"])
def test_killed_anywhere_an_alert_is_told_at_most_twice_and_never_not_at_all(
    engine: Engine, http: HttpReceiver, second: bool
) -> None:
    for at in itertools.count():
        http.got.clear()
        rounds, one = Rounds(engine), alert(f"a{at}")
        if second:
            rounds.tell(one)
        memory, senders = rounds.memory, rounds.senders
        mortal = Mortal(rounds, at)
        rounds.memory, rounds.senders = mortal, dict(mortal.senders)
        killed = False
        try:
            rounds.tell(*([] if second else [one]))
        except Killed:
            killed = True
        rounds.memory, rounds.senders = memory, senders
        rounds.tell(*([] if second else [one]))
        rounds.tell()
        rounds.tell()
        for path in ("/hook", SLACK):
            assert 1 <= heard(http, path, "1 new") <= 2, at
            assert 1 <= heard(http, path, "1 over") <= 2, at
        if not killed:
            assert at > 12, "every call was one of them"
            assert len(http.got) == 4
            break


def test_a_round_that_only_looks_tells_and_remembers_nothing(rounds: Rounds, http: HttpReceiver) -> None:
    teller = Teller(ROUTES, rounds.senders, rounds.memory, links=Links(), clock=rounds.clock)
    assert sorted(teller.pending(holds(alert("a")))) == ["hook", "slack"]
    assert http.got == []
    assert rounds.memory.current() == []


def test_a_missing_connection_is_a_channel_that_fails(rounds: Rounds, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_SLACK")
    assert rounds.tell(alert("a")).failed == {"slack": "connection slack: there is none: add it to Airflow"}
