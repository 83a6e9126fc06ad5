"""The stand-in against what prom/statsd-exporter documents: each case is a rule of its README."""

from __future__ import annotations

import socket
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from standins.statsd.mapping import MappingFile
from standins.statsd.registry import Registry
from standins.statsd.server import StatsdStandin

if TYPE_CHECKING:
    from collections.abc import Callable

MAPPINGS = Path(__file__).parents[3] / "k8s" / "monitoring" / "statsd-mapping.yaml"
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def mapped(text: str = "", *, clock: Callable[[], float] = time.monotonic) -> Registry:
    return Registry(MappingFile.model_validate(yaml.safe_load(text) or {}), clock)


def samples(registry: Registry) -> Samples:
    """Read by Prometheus' own client, which takes no counter whose name lacks `_total`: so without their types."""
    text = "".join(line for line in registry.text().splitlines(keepends=True) if not line.startswith("# TYPE"))
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def one(registry: Registry, name: str, **labels: str) -> float:
    return samples(registry)[name, frozenset(labels.items())]


def test_counters_add_up_and_a_sampled_one_stands_for_more() -> None:
    registry = mapped()
    registry.take(b"requests:2|c\nrequests:1|c|@0.1\nrequests:1|c:3|c")
    assert one(registry, "requests") == 2 + 10 + 1 + 3


def test_a_negative_counter_is_refused_and_counted() -> None:
    registry = mapped()
    registry.take(b"requests:-1|c")
    assert not [name for name, _ in samples(registry) if name == "requests"]
    assert one(registry, "statsd_exporter_events_error_total", reason="illegal_negative_counter") == 1


def test_a_gauge_is_set_and_one_with_a_sign_is_added() -> None:
    registry = mapped()
    registry.take(b"slots:10|g\nslots:+5|g\nslots:-3|g")
    assert one(registry, "slots") == 12
    registry.take(b"slots:0|g\nslots:-3|g")
    assert one(registry, "slots") == -3


def test_a_timer_is_a_summary_in_seconds_unless_its_mapping_says_histogram() -> None:
    registry = mapped("mappings: [{match: job.*, name: job_seconds, observer_type: histogram, labels: {what: $1},"
                      " histogram_options: {buckets: [0.1, 1]}}]")  # fmt: skip
    registry.take(b"took:250|ms\njob.load:250|ms\njob.load:50|ms")
    assert one(registry, "took", quantile="0.99") == 0.25
    assert (one(registry, "took_sum"), one(registry, "took_count")) == (0.25, 1)
    bounds = [one(registry, "job_seconds_bucket", what="load", le=le) for le in ("0.1", "1", "+Inf")]
    assert bounds == [1, 2, 2]
    assert one(registry, "job_seconds_sum", what="load") == pytest.approx(0.3)


def test_a_sampled_timer_is_observed_as_often_as_it_stands_for() -> None:
    registry = mapped()
    registry.take(b"took:250|ms|@0.25\nsize:7|h")
    assert one(registry, "took_count") == 4
    assert one(registry, "size_sum") == 7


def test_tags_of_influx_and_of_datadog_become_labels_and_mixing_them_is_an_error() -> None:
    registry = mapped()
    registry.take(b"runs,team=retail,dag-id=a.b:1|c\nruns:1|c|#team:lending\nruns,team=x:1|c|#team:y")
    assert one(registry, "runs", team="retail", dag_id="a.b") == 1
    assert one(registry, "runs", team="lending") == 1
    assert one(registry, "statsd_exporter_sample_errors_total", reason="mixed_tagging_styles") == 1


def test_a_mappings_labels_come_before_the_tags() -> None:
    registry = mapped("mappings: [{match: runs.*, name: runs, labels: {team: $1}}]")
    registry.take(b"runs.retail,team=other,kind=x:1|c")
    assert one(registry, "runs", team="retail", kind="x") == 1


def test_a_star_is_one_part_and_the_first_mapping_that_matches_wins() -> None:
    registry = mapped("""
mappings:
  - {match: "a.*.c", name: first, labels: {x: $1}}
  - {match: "a.b.*", name: second, labels: {x: "${1}"}}
  - {match: "^a\\\\.(.+)$", match_type: regex, name: third, labels: {x: $1}}
""")
    registry.take(b"a.b.c:1|c\na.b.d:1|c\na.b.c.d:1|c")
    assert [one(registry, "first", x="b"), one(registry, "second", x="d"), one(registry, "third", x="b.c.d")] == [
        1,
        1,
        1,
    ]


def test_globs_come_before_regular_expressions_and_a_mapping_may_be_of_one_type_alone() -> None:
    registry = mapped("""
mappings:
  - {match: ".*", match_type: regex, name: rest}
  - {match: "a.*", match_metric_type: gauge, name: gauge_of, labels: {x: $1}}
""")
    registry.take(b"a.b:1|g\na.b:1|c")
    assert (one(registry, "gauge_of", x="b"), one(registry, "rest")) == (1, 1)


def test_what_is_to_be_dropped_is_dropped_and_what_no_mapping_names_gets_a_legal_name() -> None:
    registry = mapped('mappings: [{match: "noise.*", action: drop}]')
    registry.take(b"noise.much:1|c\n3rd.party-lib:1|c")
    found = {name for name, _ in samples(registry) if not name.startswith("statsd_exporter")}
    assert found == {"_3rd_party_lib"}
    assert one(registry, "statsd_exporter_events_unmapped_total") == 1


def test_a_name_of_another_type_is_a_conflict_and_stops_nothing_else() -> None:
    registry = mapped()
    registry.take(b"x:1|c\nx:1|g\ny:1|g")
    assert (one(registry, "x"), one(registry, "y")) == (1, 1)
    assert one(registry, "statsd_exporter_events_conflict_total", type="gauge") == 1


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("nothing", "malformed_line"),
        (":1|c", "malformed_line"),
        ("x:1", "not_enough_parts_after_colon"),
        ("x:1|c||@1", "malformed_component"),
        ("x:1|c|@many", "invalid_sample_factor"),
        ("x:1|c|rest", "invalid_sample_factor"),
        ("x:1:2|g", "invalid_extended_aggregate_type"),
        ("x:one|c", "malformed_value"),
        ("x:1|s", "illegal_event"),
        # A tag's value with a colon cuts the line, and its metric is lost.
        ('x,kwargs={"team": "a"}:1|c', "invalid_extended_aggregate_type"),
    ],
)
def test_what_is_no_statsd_is_counted_by_its_reason(line: str, reason: str) -> None:
    registry = mapped()
    registry.take(f"{line}\ngood:1|c".encode())
    assert one(registry, "statsd_exporter_sample_errors_total", reason=reason) >= 1
    assert one(registry, "good") == 1


def test_a_tag_without_a_value_is_counted_and_its_sample_goes_on_without_it() -> None:
    registry = mapped()
    registry.take(b"x,tag,team=a:1|c\ny:1|c|#tag,team:a")
    assert (one(registry, "x", team="a"), one(registry, "y", team="a")) == (1, 1)
    assert one(registry, "statsd_exporter_tag_errors_total") == 2


def test_several_values_of_an_observation_are_several_observations() -> None:
    registry = mapped()
    registry.take(b"took:100:200:300|ms")
    assert (one(registry, "took_count"), one(registry, "took_sum")) == (3, pytest.approx(0.6))


def test_a_series_goes_when_it_was_not_updated_for_its_time_to_live() -> None:
    now = [0.0]
    registry = mapped("defaults: {ttl: 1m30s}", clock=lambda: now[0])
    registry.take(b"old:1|g")
    now[0] = 60
    registry.take(b"young:1|g")
    now[0] = 100
    assert {name for name, _ in samples(registry) if not name.startswith("statsd_exporter")} == {"young"}


def test_a_file_with_an_unknown_key_or_a_star_within_a_part_is_refused(tmp_path: Path) -> None:
    for text, said in (("mappings: [{match: a, nmae: b}]", "nmae"), ('mappings: [{match: "a.b*", name: b}]', "a.b")):
        file = tmp_path / "mapping.yaml"
        file.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=said):
            MappingFile.load(file)


def test_it_listens_by_udp_and_answers_by_http() -> None:
    with (
        StatsdStandin(MappingFile.load(MAPPINGS)) as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        client.sendto(b"airflow.task.scheduled_duration,dag_id=a:1500|ms", ("127.0.0.1", server.udp_port))
        deadline = time.monotonic() + 5
        text = ""
        while "scheduled" not in text and time.monotonic() < deadline:
            with urllib.request.urlopen(f"http://127.0.0.1:{server.web_port}/metrics", timeout=5) as answer:
                text = answer.read().decode()
    assert 'airflow_task_scheduled_duration_seconds_bucket{dag_id="a",le="2.5"} 1.0' in text
    assert "# TYPE airflow_task_scheduled_duration_seconds histogram" in text
