"""k8s/overlays/staging and production: what they have on top of k8s/base. test_manifests.py looks at the parts."""

from __future__ import annotations

import configparser
import re
from typing import Any

import kubernetes_validate
import pytest

from drivetrain.kubernetes.presets import load_presets, mebibytes, milli_cpus
from tests.k8s.helm import values_of
from tests.k8s.manifests import REPOSITORY, Manifest, objects_of, of_kind, pod_specs
from tests.k8s.test_manifests import MODERN, PARTS, selected

ENVIRONMENTS = ("staging", "production")
GUIDE = REPOSITORY / "docs" / "GKE.md"
# Values of the chart, where they are maps.
CHART = {key: one for key, one in values_of("staging").items() if isinstance(one, dict)}
# Executor's tasks at a time of each class that the quota has room for, within [core] parallelism.
AT_A_TIME = {"heavy": 16, "gpu": 4}


@pytest.fixture(params=ENVIRONMENTS)
def objects(request: pytest.FixtureRequest) -> list[Manifest]:
    return objects_of(str(request.param))


@pytest.fixture
def around() -> list[Manifest]:
    """What stands around a release of the chart."""
    return objects_of("helm-values/around")


def pgbouncer(objects: list[Manifest]) -> Manifest:
    found: Manifest = of_kind(objects, "Deployment")["airflow-pgbouncer"]
    return found


def test_pgbouncer_meets_the_restricted_standard_and_writes_nothing(objects):
    spec = pgbouncer(objects)["spec"]["template"]["spec"]
    [container] = spec["containers"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert all(mount["readOnly"] for mount in container["volumeMounts"])
    assert {"cpu", "memory", "ephemeral-storage"} <= set(container["resources"]["limits"])


def test_pgbouncers_passwords_are_a_mounted_secret_and_its_settings_are_not(objects):
    spec = pgbouncer(objects)["spec"]["template"]["spec"]
    sources = spec["volumes"][0]["projected"]["sources"]
    [(secret,), (config,)] = [[one[kind] for one in sources if kind in one] for kind in ("secret", "configMap")]
    assert secret == {"name": "airflow-pgbouncer", "items": [{"key": "users.txt", "path": "users.txt"}]}
    [text] = of_kind(objects, "ConfigMap")[config["name"]]["data"].values()
    said = configparser.ConfigParser()
    said.read_string(text)
    assert not re.search(r"(?i)password", text)
    assert said["pgbouncer"]["auth_file"] == "/etc/pgbouncer/users.txt"
    assert said["pgbouncer"]["auth_type"] == "scram-sha-256"
    assert said["pgbouncer"]["pool_mode"] == "transaction"
    assert "env" not in spec["containers"][0]


def test_the_port_of_pgbouncer_is_one_in_settings_service_and_policies(objects):
    [port] = of_kind(objects, "Service")["airflow-pgbouncer"]["spec"]["ports"]
    [container] = pgbouncer(objects)["spec"]["template"]["spec"]["containers"]
    ini = (REPOSITORY / "k8s/overlays/gke/pgbouncer.ini").read_text()
    policies = of_kind(objects, "NetworkPolicy")
    assert f"listen_port = {port['port']}\n" in ini
    assert container["ports"] == [{"name": port["targetPort"], "containerPort": port["port"]}]
    for rule in (policies["to-pgbouncer"]["spec"]["egress"], policies["pgbouncer"]["spec"]["ingress"]):
        assert [one["port"] for one in rule[0]["ports"]] == [port["port"]]


def reaches_database(policy: Manifest) -> bool:
    rules = policy["spec"].get("egress", [])
    return any("ports" not in rule or 5432 in [one["port"] for one in rule["ports"]] for rule in rules)


def test_each_may_call_the_database_that_it_keeps_something_in_and_only_airflows_parts_call_pgbouncer(objects):
    policies = of_kind(objects, "NetworkPolicy")
    calling = {name: policy for name, policy in policies.items() if reaches_database(policy)}
    assert set(calling) == {"to-database", "migration-to-database", "to-state"}
    assert selected(objects, calling["to-database"]["spec"]["podSelector"]) == {"airflow-pgbouncer"}
    assert selected(objects, calling["migration-to-database"]["spec"]["podSelector"]) == {"airflow-migrate"}
    airflow = {*PARTS, "airflow-migrate"}
    assert selected(objects, calling["to-state"]["spec"]["podSelector"]) == {*airflow, "airflow-task"}
    assert selected(objects, policies["to-pgbouncer"]["spec"]["podSelector"]) == airflow
    [rule] = policies["pgbouncer"]["spec"]["ingress"]
    [callers] = [one["podSelector"] for one in rule["from"]]
    assert selected(objects, callers) == airflow


def test_a_migration_has_a_session_of_its_own(objects):
    [container] = of_kind(objects, "Job")["airflow-migrate"]["spec"]["template"]["spec"]["containers"]
    said = {one["name"]: one["value"] for one in container["env"]}
    assert said["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_CMD"] == "cat /etc/drivetrain/database/direct-url"


def test_each_kind_of_traffic_is_let_in_at_the_end_that_gets_it_too(objects):
    policies = of_kind(objects, "NetworkPolicy")
    for sender, receiver in (("to-pgbouncer", "pgbouncer"), ("to-statsd-exporter", "statsd-exporter")):
        [wanted] = policies[sender]["spec"]["egress"]
        [target] = [one["podSelector"] for one in wanted["to"]]
        assert selected(objects, target) == selected(objects, policies[receiver]["spec"]["podSelector"])
        ports = [rule["ports"] for rule in policies[receiver]["spec"]["ingress"]]
        assert wanted["ports"] in ports


def test_the_platform_is_on_nodes_of_its_own_before_tasks_and_the_guide_makes_them(objects):
    guide = GUIDE.read_text()
    [(name, priority)] = of_kind(objects, "PriorityClass").items()
    assert priority["value"] > 0
    for made in (*PARTS, "airflow-pgbouncer"):
        spec = of_kind(objects, "Deployment")[made]["spec"]["template"]["spec"]
        assert spec["priorityClassName"] == name, made
        assert spec["nodeSelector"] == {"cloud.google.com/gke-nodepool": "platform"}, made
        assert [(one["key"], one["value"]) for one in spec["tolerations"]] == [("dedicated", "platform")], made
    assert "node-pools create platform" in guide
    assert "--node-taints=dedicated=platform:NoSchedule" in guide


def test_each_node_label_and_taint_of_the_presets_is_that_of_a_pool_in_the_guide():
    guide = GUIDE.read_text()
    for name, pool in load_presets(REPOSITORY / "include").pools.items():
        assert f"node-pools create tasks-{name} " in guide, name
        for key, value in {**pool.requires, **pool.prefers}.items():
            assert f"{key}={value}" in guide, name
        for one in pool.tolerates:
            assert one.key in guide, name


def test_autoscalers_scale_what_is_there_and_nothing_else_says_how_many(objects):
    deployments = of_kind(objects, "Deployment")
    scalers = of_kind(objects, "HorizontalPodAutoscaler")
    assert set(scalers) == {"airflow-api-server", "airflow-triggerer", "feature-server"}
    for name, one in scalers.items():
        assert one["spec"]["scaleTargetRef"]["name"] == name
        assert "replicas" not in deployments[name]["spec"]
        [container] = deployments[name]["spec"]["template"]["spec"]["containers"]
        assert container["resources"]["requests"]["cpu"]
    for name in ("airflow-api-server", "feature-server"):
        assert scalers[name]["spec"]["minReplicas"] >= 2


def test_what_has_several_pods_loses_one_at_a_time(objects):
    budgets = of_kind(objects, "PodDisruptionBudget")
    several = {"airflow-api-server", "airflow-pgbouncer", "airflow-scheduler", "airflow-triggerer", "feature-server"}
    assert set(budgets) == several
    for name, one in budgets.items():
        spec: dict[str, Any] = one["spec"]
        assert (spec.get("maxUnavailable"), spec.get("minAvailable")) in {(1, None), (None, 1)}, name


def needs(resources: Manifest) -> dict[str, float]:
    """Of one container, in milli-CPUs and MiB, by the names of the quota."""
    measured = {"cpu": milli_cpus, "memory": mebibytes, "ephemeral-storage": mebibytes}
    return {
        f"{kind}.{name}": measured[name](str(amount))
        for kind in ("requests", "limits")
        for name, amount in resources.get(kind, {}).items()
        if name in measured
    }


def test_the_quota_has_room_for_all_parts_at_their_largest_and_for_all_tasks(objects):
    scalers = of_kind(objects, "HorizontalPodAutoscaler")
    pods: list[tuple[int, dict[str, float]]] = []
    for name, one in of_kind(objects, "Deployment").items():
        most = scalers[name]["spec"]["maxReplicas"] if name in scalers else one["spec"]["replicas"]
        [container] = one["spec"]["template"]["spec"]["containers"]
        # One more while it is rolled out.
        pods.append((most + 1, needs(container["resources"])))
    [migration] = of_kind(objects, "Job")["airflow-migrate"]["spec"]["template"]["spec"]["containers"]
    pods.append((1, needs(migration["resources"])))
    parallelism = int(of_kind(objects, "ConfigMap")["airflow-task-settings"]["data"]["AIRFLOW__CORE__PARALLELISM"])
    parallelism *= of_kind(objects, "Deployment")["airflow-scheduler"]["spec"]["replicas"]
    presets = load_presets(REPOSITORY / "include").presets
    for name, count in {**AT_A_TIME, "light": parallelism - sum(AT_A_TIME.values())}.items():
        one = presets[name]
        both = {"requests": one.requests, "limits": one.limits}
        task = {
            kind: {"cpu": said.cpu, "memory": said.memory, "ephemeral-storage": said.disk}
            for kind, said in both.items()
        }
        pods.append((count, needs(task)))
    hard = of_kind(objects, "ResourceQuota")["drivetrain"]["spec"]["hard"]
    assert sum(count for count, _ in pods) <= int(hard["pods"])
    for resource in ("cpu", "memory", "ephemeral-storage"):
        for kind in ("requests", "limits"):
            key = f"{kind}.{resource}"
            have = needs({kind: {resource: hard[key]}})[key]
            assert sum(count * one.get(key, 0) for count, one in pods) <= have, key
    assert AT_A_TIME["gpu"] <= int(hard["requests.nvidia.com/gpu"])


def test_each_container_and_each_preset_is_within_the_range_of_a_container(objects):
    [limits] = of_kind(objects, "LimitRange")["drivetrain"]["spec"]["limits"]
    most = needs({"limits": limits["max"]})
    for name, spec in pod_specs(objects).items():
        for container in spec["containers"]:
            have = needs(container["resources"])
            assert all(have[key] <= most[key] for key in most), name
    presets = load_presets(REPOSITORY / "include").presets
    for name, one in presets.items():
        said = {"cpu": one.limits.cpu, "memory": one.limits.memory, "ephemeral-storage": one.limits.disk}
        have = needs({"limits": said})
        assert all(have[key] <= most[key] for key in most), name
    light = presets["light"]
    assert limits["defaultRequest"] == {
        "cpu": light.requests.cpu,
        "memory": light.requests.memory,
        "ephemeral-storage": light.requests.disk,
    }


def test_the_feature_servers_registry_is_a_folder_of_the_bucket_that_feast_writes_to(objects):
    template = of_kind(objects, "Deployment")["feature-server"]["spec"]["template"]
    registry = next(volume for volume in template["spec"]["volumes"] if volume["name"] == "registry")
    bucket = registry["csi"]["volumeAttributes"]["bucketName"]
    assert (set(registry), registry["csi"]["readOnly"]) == ({"name", "csi"}, True)
    assert template["metadata"]["annotations"]["gke-gcsfuse/volumes"] == "true"
    account = of_kind(objects, "ServiceAccount")["feature-server"]["metadata"]["annotations"]
    [project] = re.findall(r"@([\w-]+)\.iam", account["iam.gke.io/gcp-service-account"])
    assert bucket == f"{project}-features"
    assert "gs://$PROJECT-features/registry/registry.db" in GUIDE.read_text()


def test_each_secret_that_a_pod_mounts_is_in_the_guide(objects):
    guide = GUIDE.read_text()
    for name, spec in pod_specs(objects).items():
        for volume in spec["volumes"]:
            if "secret" in volume:
                assert f"`{volume['secret']['secretName']}`" in guide, name
    assert "`airflow-pgbouncer`" in guide


def test_what_stands_around_a_release_of_the_chart_runs_what_is_not_airflows_and_guards_the_same(around):
    kinds = {one["kind"] for one in around}
    assert set(of_kind(around, "Deployment")) == {"feature-server", "statsd-exporter"}
    assert not kinds & {"Job", "StatefulSet", "Secret"}
    for kind in ("HorizontalPodAutoscaler", "PodDisruptionBudget"):
        assert set(of_kind(around, kind)) == {"feature-server"}
    staging = objects_of("staging")
    guards = ("NetworkPolicy", "Role", "RoleBinding", "ResourceQuota", "LimitRange", "PriorityClass", "Namespace")
    for kind in guards:
        assert of_kind(around, kind) == of_kind(staging, kind), kind
    charts_own = {
        values["serviceAccount"]["name"] for values in CHART.values() if "name" in values.get("serviceAccount", {})
    }
    assert set(of_kind(around, "ServiceAccount")) == set(of_kind(staging, "ServiceAccount")) - charts_own


def test_what_stands_around_a_release_is_valid_by_todays_schemas(around):
    for one in around:
        kubernetes_validate.validate(one, MODERN, strict=True)
