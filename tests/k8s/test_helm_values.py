"""k8s/helm-values: the platform of k8s/base and k8s/overlays, for Airflow's official chart.

DRIVETRAIN_TEST_AIRFLOW_CHART: an unpacked chart. Its schema is then asked as well; and with `helm` on the path, what it
renders is compared with the manifests. docs/GKE.md says which version was tried.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from tests.k8s import helm
from tests.k8s.helm import LAYERS, VALUES, layer, rendered, settings_of_kustomize, settings_of_values, values_of
from tests.k8s.manifests import REPOSITORY, Manifest, objects_of, of_kind, pod_specs, task_pod
from tests.k8s.test_manifests import MODERN

CHART = "DRIVETRAIN_TEST_AIRFLOW_CHART"
GKE = ("staging", "production")
PARTS = {"api-server": "apiServer", "scheduler": "scheduler", "dag-processor": "dagProcessor", "triggerer": "triggerer"}
# Settings that are not in the values, or differ there, and why.
CHARTS_OWN = {
    "AIRFLOW__KUBERNETES_EXECUTOR__NAMESPACE": "that of the release",
    "AIRFLOW__KUBERNETES_EXECUTOR__POD_TEMPLATE_FILE": "where the chart mounts `podTemplate`",
    "AIRFLOW__KUBERNETES_EXECUTOR__WORKER_CONTAINER_REPOSITORY": "images.airflow",
    "AIRFLOW__KUBERNETES_EXECUTOR__WORKER_CONTAINER_TAG": "images.airflow",
}
# What a cluster on one's own machine has otherwise; no overlay says it.
LOCALS_OWN = {
    "AIRFLOW__API__BASE_URL",
    "AIRFLOW__CORE__PARALLELISM",
    "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST",
    "AIRFLOW__SECRETS__BACKEND",
    "AIRFLOW__SECRETS__BACKEND_KWARGS",
}
# Probes that the chart can't ask as k8s/base does, and why.
PROBES = {
    ("api-server", "startupProbe"): "the chart asks /api/v2/monitor/health in all three",
    ("api-server", "livenessProbe"): "the same; it answers 200 as well while the database is away",
    ("scheduler", "startupProbe"): "the chart runs a command; ours asks the same page",
    ("scheduler", "livenessProbe"): "the same",
    ("dag-processor", "startupProbe"): "the chart has a liveness probe alone",
    ("dag-processor", "readinessProbe"): "the same",
    ("triggerer", "startupProbe"): "the chart has a liveness probe alone",
    ("triggerer", "readinessProbe"): "the same",
}
# Secrets that the chart takes into an environment, and no other way: a database role that counts triggers, and one that
# reads PgBouncer's statistics.
IN_ENVIRONMENT = {"airflow-keda", "airflow-pgbouncer-stats"}


def normal(value: Any) -> Any:
    """Text of JSON as what it says."""
    return json.loads(value) if str(value).startswith(("[", "{")) else value


@pytest.fixture(params=LAYERS)
def environment(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def values(environment: str) -> helm.Values:
    return values_of(environment)


@pytest.fixture(scope="session")
def chart() -> Path:
    """The chart; skips where none is given."""
    if not (given := os.environ.get(CHART)):
        pytest.skip(f"{CHART} names no unpacked chart of Airflow: its schema and templates are not asked")
    return Path(given)


def rendered_or_skip(chart: Path, environment: str) -> list[Manifest]:
    if not (chart / "templates").is_dir():
        pytest.skip(f"{CHART} is a schema without templates")
    if not helm.helm():
        pytest.skip("helm is not on the path: it renders the chart")
    return rendered(chart, environment)


@pytest.mark.parametrize("environment", GKE)
def test_each_setting_is_the_one_that_kustomize_gives(environment: str) -> None:
    ours = {key: normal(value) for key, value in settings_of_values(values_of(environment)).items()}
    theirs = {key: normal(value) for key, value in settings_of_kustomize(environment).items() if key not in CHARTS_OWN}
    assert ours == theirs, f"bring k8s/helm-values up to date with {', '.join(helm.SETTINGS[environment])}"


def test_local_has_the_settings_of_the_base_but_for_a_few() -> None:
    ours, theirs = settings_of_values(values_of("local")), settings_of_kustomize("local")
    assert {key: value for key, value in ours.items() if key not in LOCALS_OWN} == {
        key: value for key, value in theirs.items() if key not in {*CHARTS_OWN, *LOCALS_OWN}
    }


def test_what_is_listed_as_different_is_different() -> None:
    ours, theirs = settings_of_values(values_of("staging")), settings_of_kustomize("staging")
    assert CHARTS_OWN.keys() <= theirs.keys()
    assert not CHARTS_OWN.keys() & ours.keys()
    local, base = settings_of_values(values_of("local")), settings_of_kustomize("local")
    assert {key for key in LOCALS_OWN if local[key] != base.get(key)} == LOCALS_OWN


def test_each_command_that_reads_a_secret_is_the_one_of_the_manifests(values: helm.Values) -> None:
    every = yaml.safe_load((REPOSITORY / "k8s/base/every-part.yaml").read_text())
    [container] = every["spec"]["template"]["spec"]["containers"]
    assert values["env"] == container["env"]
    assert not any(values["enableBuiltInSecretEnvVars"].values())


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("environment", GKE)
def test_each_part_has_the_resources_probes_and_account_of_the_manifests(environment: str, part: str) -> None:
    spec = pod_specs(objects_of(environment))[f"airflow-{part}"]
    [container] = spec["containers"]
    ours = values_of(environment)[PARTS[part]]
    assert ours["args"] == container["args"]
    assert ours["serviceAccount"]["name"] == spec["serviceAccountName"]
    assert {kind: {k: str(v) for k, v in ours["resources"][kind].items()} for kind in ("requests", "limits")} == {
        kind: {k: str(v) for k, v in container["resources"][kind].items()} for kind in ("requests", "limits")
    }
    mounts = {(one["name"], one["mountPath"], one.get("subPath")) for one in ours["extraVolumeMounts"]}
    # The chart mounts the pod template, and the scheduler's token, by itself.
    own = {"pod-template", *(["kubernetes-api"] if part == "scheduler" else [])}
    assert mounts == {
        (one["name"], one["mountPath"], one.get("subPath"))
        for one in container["volumeMounts"]
        if one["name"] not in own
    }
    named = {volume["name"]: volume for volume in spec["volumes"] if volume["name"] not in own}
    assert {volume["name"]: volume for volume in ours["extraVolumes"]} == named
    for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
        wanted, found = container.get(kind), ours.get(kind)
        if wanted and found:
            keys = ("periodSeconds", "failureThreshold", "timeoutSeconds")
            defaults = {"failureThreshold": 3}
            assert [found[key] for key in keys] == [wanted.get(key, defaults.get(key)) for key in keys], kind
        if wanted and (part, kind) not in PROBES:
            asked = wanted["exec"]["command"] if "exec" in wanted else wanted["httpGet"]["path"]
            assert (found["command"] if "exec" in wanted else "/api/v2/monitor/health") == asked


def test_the_token_of_the_scheduler_is_its_own_and_for_an_hour(values: helm.Values) -> None:
    account = values["scheduler"]["serviceAccount"]
    assert account["automountServiceAccountToken"] is False
    assert account["serviceAccountTokenVolume"]["enabled"] is True
    assert account["serviceAccountTokenVolume"]["expirationSeconds"] == 3600


@pytest.mark.parametrize("environment", GKE)
def test_accounts_replicas_and_image_are_those_of_the_overlay(environment: str) -> None:
    values, objects = values_of(environment), objects_of(environment)
    accounts = of_kind(objects, "ServiceAccount")
    for key in (*PARTS.values(), "workers"):
        ours = values[key]["serviceAccount"]
        assert accounts[ours["name"]]["metadata"]["annotations"] == ours["annotations"]
    scheduler = of_kind(objects, "Deployment")["airflow-scheduler"]
    assert values["scheduler"]["replicas"] == scheduler["spec"]["replicas"]
    image = "{repository}:{tag}".format(**values["images"]["airflow"])
    assert scheduler["spec"]["template"]["spec"]["containers"][0]["image"] == image
    assert values["images"]["pod_template"] == values["images"]["airflow"]


def test_every_container_is_as_restricted_as_in_the_manifests(values: helm.Values) -> None:
    every = yaml.safe_load((REPOSITORY / "k8s/base/every-part.yaml").read_text())["spec"]["template"]["spec"]
    assert values["securityContexts"]["pod"] == every["securityContext"]
    assert values["securityContexts"]["containers"] == every["containers"][0]["securityContext"]


def test_nothing_runs_that_the_platform_does_not_have(values: helm.Values) -> None:
    off = [values[name]["enabled"] for name in ("redis", "flower", "postgresql", "createUserJob", "statsd")]
    assert off == [False] * len(off)
    assert values["rbac"]["create"] is False
    assert "Celery" not in values["executor"]


def template_pod(template: str) -> Manifest:
    """The pod of `podTemplate`, with the chart's names filled in."""
    pod: Manifest = yaml.safe_load(re.sub(r"\{\{.*?\}\}", "filled-in", template))
    return pod


def test_the_task_pod_is_that_of_the_manifests_with_the_charts_settings(values: helm.Values) -> None:
    ours = template_pod(values["podTemplate"])
    base = yaml.safe_load((REPOSITORY / "k8s/base/pod-template.yaml").read_text())
    container, theirs = ours["spec"]["containers"][0], base["spec"]["containers"][0]
    assert container.pop("image")
    theirs.pop("image")
    theirs.pop("envFrom")
    assert container["volumeMounts"].pop()["name"] == "config"
    assert ours["spec"]["volumes"].pop()["name"] == "config"
    assert ours == base


@pytest.mark.parametrize("environment", GKE)
def test_pgbouncer_is_that_of_the_overlay(environment: str) -> None:
    ours = values_of(environment)["pgbouncer"]
    deployment = of_kind(objects_of(environment), "Deployment")["airflow-pgbouncer"]
    spec = deployment["spec"]["template"]["spec"]
    [container] = spec["containers"]
    assert (ours["enabled"], ours["replicas"]) == (True, deployment["spec"]["replicas"])
    assert ours["serviceAccount"]["name"] == spec["serviceAccountName"]
    assert ours["command"] == container["command"]
    assert ours["resources"] == container["resources"]
    assert ours["securityContexts"] == {"pod": spec["securityContext"], "container": container["securityContext"]}
    [secret] = [one["secret"]["name"] for one in spec["volumes"][0]["projected"]["sources"] if "secret" in one]
    assert ours["configSecretName"] == secret


def test_no_value_is_a_secret(environment: str) -> None:
    text = "\n".join((VALUES / f"{name}.yaml").read_text() for name in LAYERS[environment])
    assert not re.search(r"(?i)password:|://[^/\s]+:[^/\s]+@", text)
    values = values_of(environment)
    assert not {"fernetKey", "apiSecretKey", "jwtSecret", "webserverSecretKey"} & values.keys()
    assert set(values["data"]) == {"brokerUrlSecretName", "metadataSecretName"}


def test_each_file_of_values_is_used_by_an_environment_and_none_is_empty() -> None:
    files = {file.stem for file in VALUES.glob("*.yaml")}
    assert files == {name for names in LAYERS.values() for name in names}
    assert all(layer(name) for name in files)


def test_the_charts_schema_takes_the_values_and_knows_each_of_their_keys(chart: Path, environment: str) -> None:
    schema = json.loads((chart / "values.schema.json").read_text())
    values = helm.without_nulls(values_of(environment))
    validator = jsonschema.Draft7Validator(schema)
    assert [f"{'.'.join(map(str, one.path))}: {one.message}" for one in validator.iter_errors(values)] == []
    # The schema lets unknown keys pass in places; the chart would ignore them.
    assert list(unknown(values, schema, schema["definitions"])) == []


def unknown(values: Any, schema: dict[str, Any], definitions: dict[str, Any], path: str = "") -> Any:
    """Paths of keys that the schema does not name, where it names keys at all."""
    if "$ref" in schema:
        return
    named = schema.get("properties")
    if not isinstance(values, dict) or not named or schema.get("additionalProperties"):
        return
    for key, value in values.items():
        if key not in named:
            yield f"{path}{key}"
        else:
            yield from unknown(value, named[key], definitions, f"{path}{key}.")


def pods_of(objects: list[Manifest]) -> dict[str, Manifest]:
    """Name -> pod spec of Deployments, StatefulSets and Jobs."""
    made = {"Deployment", "StatefulSet", "Job"}
    return {one["metadata"]["name"]: one["spec"]["template"] for one in objects if one["kind"] in made}


def config_of(objects: list[Manifest]) -> Manifest:
    return of_kind(objects, "ConfigMap")["airflow-config"]["data"]


def test_what_the_chart_renders_is_valid_by_todays_schemas(chart: Path, environment: str) -> None:
    objects = rendered_or_skip(chart, environment)
    pod = yaml.safe_load(config_of(objects)["pod_template_file.yaml"])
    custom = {one["kind"] for one in objects if one["apiVersion"].startswith("keda.sh/")}
    assert custom == ({"ScaledObject"} if environment in GKE else set())
    for one in [*objects, pod]:
        if one["kind"] not in custom:
            kubernetes_validate.validate(one, MODERN, strict=True)


def test_what_the_chart_renders_has_the_parts_and_no_secret(chart: Path, environment: str) -> None:
    objects = rendered_or_skip(chart, environment)
    extra = {"airflow-pgbouncer"} if environment in GKE else set()
    assert set(of_kind(objects, "Deployment")) == {f"airflow-{part}" for part in PARTS} | extra
    assert not [one["kind"] for one in objects if one["kind"] in {"Secret", "StatefulSet", "Role", "RoleBinding"}]
    assert {one["automountServiceAccountToken"] for one in of_kind(objects, "ServiceAccount").values()} == {False}
    taken = set(re.findall(r"secretKeyRef.*?name': '([^']+)'", str(objects)))
    assert taken == (IN_ENVIRONMENT if environment in GKE else set())


def test_every_pod_that_the_chart_renders_is_restricted_and_asks_for_what_it_needs(
    chart: Path, environment: str
) -> None:
    objects = rendered_or_skip(chart, environment)
    template = yaml.safe_load(config_of(objects)["pod_template_file.yaml"])
    for name, pod in {**pods_of(objects), "task": template}.items():
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in [*spec["containers"], *spec.get("initContainers", [])]:
            at = f"{name}/{container['name']}"
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, at
            assert {"cpu", "memory", "ephemeral-storage"} <= set(container["resources"]["limits"]), at


@pytest.mark.parametrize("environment", GKE)
def test_the_policies_around_a_release_select_its_pods(chart: Path, environment: str) -> None:
    objects = rendered_or_skip(chart, environment)
    ours = {name: pod["metadata"]["labels"] for name, pod in pods_of(objects).items()}
    theirs = {
        name: one["spec"]["template"]["metadata"]["labels"]
        for name, one in of_kind(objects_of(environment), "Deployment").items()
        if name in ours
    }
    assert set(theirs) == {f"airflow-{part}" for part in (*PARTS, "pgbouncer")}
    for name, labels in theirs.items():
        assert labels.items() <= ours[name].items(), name
    migration = ours["airflow-run-airflow-migrations"]
    assert migration["app.kubernetes.io/component"] == "migrate"


@pytest.mark.parametrize("environment", GKE)
def test_airflow_reads_from_the_chart_what_the_manifests_say(chart: Path, environment: str) -> None:
    objects = rendered_or_skip(chart, environment)
    text = config_of(objects)["airflow.cfg"]
    said: dict[str, str] = {}
    section = ""
    for line in text.splitlines():
        if header := re.fullmatch(r"\s*\[(\w+)\]\s*", line):
            section = header[1]
        elif line.strip():
            key, _, value = line.partition("=")
            said[f"AIRFLOW__{section}__{key.strip()}".upper()] = value.strip()
    wanted = settings_of_kustomize(environment)
    moved = "AIRFLOW__KUBERNETES_EXECUTOR__POD_TEMPLATE_FILE"
    wanted[moved] = "/opt/airflow/pod_templates/pod_template_file.yaml"
    assert {key: normal(said.get(key)) for key in wanted} == {key: normal(value) for key, value in wanted.items()}


def test_the_task_pod_that_the_chart_renders_has_the_image_of_the_parts(chart: Path, environment: str) -> None:
    objects = rendered_or_skip(chart, environment)
    pod = yaml.safe_load(config_of(objects)["pod_template_file.yaml"])
    scheduler = of_kind(objects, "Deployment")["airflow-scheduler"]["spec"]["template"]["spec"]["containers"][0]
    assert pod["spec"]["containers"][0]["image"] == scheduler["image"]
    if environment in GKE:
        assert task_pod(objects_of(environment))["spec"]["serviceAccountName"] == pod["spec"]["serviceAccountName"]
