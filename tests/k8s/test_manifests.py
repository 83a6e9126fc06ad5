"""k8s/base and k8s/overlays, rendered and read. test_apply.py puts them on a real API server."""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.k8s.manifests import (
    OVERLAYS,
    REPOSITORY,
    Manifest,
    kubectl,
    objects_of,
    of_kind,
    pod_specs,
    pod_templates,
    task_pod,
    text_of,
)

OF_THE_CLUSTER = {"Namespace", "PersistentVolume", "PriorityClass"}
# The newest that the validator has schemas of; the cluster of the tests is of 2021 and drops what it does not know.
MODERN = "1.37"
PARTS = {"airflow-api-server", "airflow-scheduler", "airflow-dag-processor", "airflow-triggerer"}
OURS = {*PARTS, "airflow-migrate", "airflow-task", "feature-server"}
TESTS_SECRETS = ("airflow-setup", "git", "postgres", "redis")
# Other people's images, which write nothing: test_gke_overlays.py.
NOBODYS = {"airflow-pgbouncer", "statsd-exporter"}
# They make, read or watch pods.
CALLERS = {"airflow-scheduler", "airflow-api-server", "airflow-triggerer"}


@pytest.fixture(params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def objects(overlay: str) -> list[Manifest]:
    return objects_of(overlay)


def test_every_object_is_valid_by_todays_schemas_and_has_no_unknown_field(objects):
    for one in [*objects, task_pod(objects)]:
        kubernetes_validate.validate(one, MODERN, strict=True)


def test_every_part_is_there_and_everything_is_in_one_namespace(objects):
    assert set(of_kind(objects, "Deployment")) >= PARTS
    spaces = {one["metadata"].get("namespace") for one in objects if one["kind"] not in OF_THE_CLUSTER}
    assert spaces == set(of_kind(objects, "Namespace")) == {"drivetrain"}


def test_every_pod_meets_the_restricted_standard_and_writes_to_its_scratch_volume_alone(objects):
    [namespace] = of_kind(objects, "Namespace").values()
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for name, spec in pod_specs(objects).items():
        pod = spec["securityContext"]
        user = (65534, 65534) if name in NOBODYS else (50000, 0)
        assert (pod["runAsNonRoot"], pod["runAsUser"], pod["runAsGroup"]) == (True, *user), name
        assert pod["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in spec["containers"]:
            guarded = container["securityContext"]
            assert guarded["readOnlyRootFilesystem"] is True, name
            assert guarded["allowPrivilegeEscalation"] is False, name
            assert guarded["capabilities"] == {"drop": ["ALL"]}, name
            writable = {mount["name"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
            assert writable - {"logs"} == (set() if name in NOBODYS else {"scratch"}), name


def test_every_container_asks_for_what_it_needs_and_may_not_take_more_than_a_limit(objects):
    for name, spec in pod_specs(objects).items():
        for container in spec["containers"]:
            assert {"cpu", "memory"} <= set(container["resources"]["requests"]), name
            assert {"cpu", "memory", "ephemeral-storage"} <= set(container["resources"]["limits"]), name


def test_no_pod_gets_a_token_of_the_kubernetes_api_but_those_that_call_it(objects):
    for name, spec in pod_specs(objects).items():
        assert spec["automountServiceAccountToken"] is False, name
        projected = [volume for volume in spec["volumes"] if "serviceAccountToken" in json.dumps(volume)]
        assert bool(projected) == (name in CALLERS), name
    assert {one["automountServiceAccountToken"] for one in of_kind(objects, "ServiceAccount").values()} == {False}


def test_each_pod_has_a_service_account_of_its_own_that_exists(objects):
    accounts = {name: spec["serviceAccountName"] for name, spec in pod_specs(objects).items() if name in OURS}
    assert accounts == {name: name for name in OURS}
    assert set(of_kind(objects, "ServiceAccount")) - NOBODYS == {*accounts, "airflow-launcher"}


def test_only_the_scheduler_may_make_pods_and_nobody_may_read_secrets_or_run_commands_in_them(objects):
    roles = of_kind(objects, "Role")
    for binding in of_kind(objects, "RoleBinding").values():
        rules = roles[binding["roleRef"]["name"]]["rules"]
        verbs = {(resource, verb) for rule in rules for resource in rule["resources"] for verb in rule["verbs"]}
        makes = ("pods", "create") in verbs
        assert makes == ([one["name"] for one in binding["subjects"]] == ["airflow-scheduler"])
        assert not {resource for resource, _ in verbs} & {"secrets", "pods/exec", "*"}
        assert "*" not in {verb for _, verb in verbs}
    assert not of_kind(objects, "ClusterRole")
    assert not of_kind(objects, "ClusterRoleBinding")


def test_no_secret_is_in_the_manifests_and_none_is_in_an_environment(overlay, objects):
    assert not of_kind(objects, "Secret")
    for spec in pod_specs(objects).values():
        for container in spec["containers"]:
            assert all("valueFrom" not in one for one in container.get("env", []))
            assert all("secretRef" not in one for one in container.get("envFrom", []))
    assert not re.search(r"(?i)password[\"']?\s*[:=]|://[^/\s]+:[^/\s]+@", text_of(overlay))


def test_a_task_gets_neither_the_database_nor_a_key(objects):
    spec = task_pod(objects)["spec"]
    assert {volume["name"] for volume in spec["volumes"]} - {"logs"} == {"scratch"}
    assert not [volume for volume in spec["volumes"] if "secret" in volume]
    assert "_CMD" not in json.dumps(spec)


def test_each_name_that_a_pod_refers_to_is_made_here_or_is_one_of_the_documented_secrets(overlay, objects):
    maps, secrets = set(of_kind(objects, "ConfigMap")), set()
    for spec in pod_specs(objects).values():
        for container in spec["containers"]:
            assert {one["configMapRef"]["name"] for one in container.get("envFrom", [])} <= maps
            mounted = {mount["name"] for mount in container["volumeMounts"]}
            assert mounted == {volume["name"] for volume in spec["volumes"]}
        for volume in spec["volumes"]:
            if "configMap" in volume:
                assert volume["configMap"]["name"] in {*maps, "feature-registry"}  # that, `feast apply` makes
            if "secret" in volume:
                secrets.add(volume["secret"]["secretName"])
    # The last are of what is a service of the cloud elsewhere; they are made when the tests' platform is deployed.
    tests_own = TESTS_SECRETS if overlay == "test" else ()
    assert secrets == {"airflow-database", "airflow-keys", "feature-server", *tests_own}


def matches(selector: Manifest, labels: dict[str, str]) -> bool:
    wanted = selector.get("matchLabels", {})
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        labels.get(one["key"]) in one["values"] for one in selector.get("matchExpressions", [])
    )


def pod_labels(objects: list[Manifest]) -> dict[str, dict[str, str]]:
    return {name: one["metadata"]["labels"] for name, one in pod_templates(objects).items()}


def selected(objects: list[Manifest], selector: Manifest) -> set[str]:
    return {name for name, labels in pod_labels(objects).items() if matches(selector, labels)}


def test_nothing_is_let_in_or_out_that_no_policy_names(objects):
    policies = of_kind(objects, "NetworkPolicy")
    assert policies["deny-all"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for name, policy in policies.items():
        assert selected(objects, policy["spec"]["podSelector"]), f"{name} selects no pod"
    assert selected(objects, policies["api-server"]["spec"]["podSelector"]) == {"airflow-api-server"}


@pytest.mark.parametrize("overlay", ["staging", "production"])
def test_a_task_may_call_the_api_server_and_not_pgbouncer(overlay):
    objects = objects_of(overlay)
    policies = of_kind(objects, "NetworkPolicy")
    assert "airflow-task" in selected(objects, policies["to-api-server"]["spec"]["podSelector"])
    assert selected(objects, policies["to-pgbouncer"]["spec"]["podSelector"]) == {*PARTS, "airflow-migrate"}


def test_services_and_budgets_select_the_part_that_they_are_named_after(objects):
    for kind in ("Service", "PodDisruptionBudget"):
        for name, one in of_kind(objects, kind).items():
            selector: Any = one["spec"]["selector"]
            wanted = selector if kind == "PodDisruptionBudget" else {"matchLabels": selector}
            assert selected(objects, wanted) == {name}


def test_each_probe_asks_a_port_that_the_container_names(objects):
    for name, one in of_kind(objects, "Deployment").items():
        [container] = one["spec"]["template"]["spec"]["containers"]
        ports = {port["name"] for port in container.get("ports", [])}
        probes = [container[kind] for kind in container if kind.endswith("Probe")]
        assert len(probes) >= (2 if name in PARTS else 1), name
        assert {probe["httpGet"]["port"] for probe in probes if "httpGet" in probe} <= ports, name


@pytest.mark.parametrize("overlay", ["staging", "production"])
def test_task_pods_run_the_image_of_the_parts(overlay):
    objects = objects_of(overlay)
    specs = pod_specs(objects)
    images = {specs[name]["containers"][0]["image"] for name in OURS - {"airflow-task", "feature-server"}}
    settings = of_kind(objects, "ConfigMap")["airflow-task-settings"]["data"]
    prefix = "AIRFLOW__KUBERNETES_EXECUTOR__WORKER_CONTAINER"
    assert images == {f"{settings[f'{prefix}_REPOSITORY']}:{settings[f'{prefix}_TAG']}"}


def test_a_changed_setting_is_rolled_out_and_reaches_new_task_pods_too(objects):
    maps = of_kind(objects, "ConfigMap")
    [hashed] = [one for name, one in maps.items() if re.fullmatch(r"airflow-settings-[a-z0-9]{10}", name)]
    assert hashed["data"] == maps["airflow-task-settings"]["data"]


def test_a_part_that_hangs_is_restarted_and_none_because_another_one_is_away(objects):
    for name, one in of_kind(objects, "Deployment").items():
        if name in PARTS:
            [container] = one["spec"]["template"]["spec"]["containers"]
            command = container["livenessProbe"].get("exec", {}).get("command", [])
            assert not [word for word in command if "airflow-api-server" in word], name


def test_the_tests_task_pods_are_those_of_production_but_for_logs_image_and_room():
    ours, tests = (task_pod(objects_of(name)) for name in ("production", "test"))
    [mount] = [one for one in tests["spec"]["containers"][0]["volumeMounts"] if one["name"] == "logs"]
    [volume] = [one for one in tests["spec"]["volumes"] if one["name"] == "logs"]
    tests["spec"]["containers"][0]["volumeMounts"].remove(mount)
    tests["spec"]["volumes"].remove(volume)
    for pod in (ours, tests):
        pod["spec"]["containers"][0].pop("imagePullPolicy", None)
        pod["spec"]["containers"][0]["resources"].pop("requests")
    assert tests == ours


def test_the_migration_runs_with_the_settings_and_the_image_of_the_parts(objects):
    specs = pod_specs(objects)
    job, part = (specs[name]["containers"][0] for name in ("airflow-migrate", "airflow-scheduler"))
    assert job["envFrom"] == part["envFrom"]
    # On GKE it goes past PgBouncer: test_gke_overlays.py.
    assert {one["name"] for one in job["env"]} == {one["name"] for one in part["env"]}
    assert job["image"].replace("-standins", "") == part["image"]


def test_an_overlay_turns_traces_on_by_a_component_and_changes_them_by_its_variables(tmp_path):
    def relative(path: str) -> str:
        return os.path.relpath(REPOSITORY / "k8s" / path, tmp_path)

    half = {"op": "replace", "path": "/data/OTEL_TRACES_SAMPLER_ARG", "value": "0.5"}
    overlay = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [relative("overlays/production")],
        "components": [relative("features/traces")],
        "patches": [{"target": {"kind": "ConfigMap", "name": "feature-server"}, "patch": json.dumps([half])}],
    }
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
    command = [kubectl(), "kustomize", str(tmp_path)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    objects = [one for one in yaml.safe_load_all(text) if one]
    [source] = of_kind(objects, "Deployment")["feature-server"]["spec"]["template"]["spec"]["containers"][0]["envFrom"]
    settings = of_kind(objects, "ConfigMap")[source["configMapRef"]["name"]]["data"]
    assert settings["DRIVETRAIN_FEATURES_TRACES"] == "true"
    assert settings["DRIVETRAIN_FEATURES_REGISTRY"], "what was there stays"
    assert (settings["OTEL_TRACES_SAMPLER"], settings["OTEL_TRACES_SAMPLER_ARG"]) == ("parentbased_traceidratio", "0.5")
    policy = of_kind(objects, "NetworkPolicy")["feature-server-to-collector"]
    kubernetes_validate.validate(policy, MODERN, strict=True)
    [rule] = policy["spec"]["egress"]
    [peer] = rule["to"]
    _, name, port = re.fullmatch(r"http://([\w-]+)\.([\w-]+):(\d+)", settings["OTEL_EXPORTER_OTLP_ENDPOINT"]).groups()
    assert peer["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": name}
    assert rule["ports"] == [{"protocol": "TCP", "port": int(port)}]
    for other in OVERLAYS:
        assert "OTEL_" not in text_of(other)
