from __future__ import annotations

import json

from standins.kubernetes.platform_secrets import PlatformSecrets


def test_secrets_are_made_once_and_each_is_another(tmp_path):
    made = PlatformSecrets.of(tmp_path)
    assert PlatformSecrets.of(tmp_path) == made
    assert len(made.values) == len(vars(made.airflow)) + 3
    assert {file.stat().st_mode & 0o077 for file in tmp_path.iterdir()} == {0}


def test_connections_lead_to_services_of_the_cluster_alone(tmp_path):
    connections = PlatformSecrets.of(tmp_path).connections
    assert {"drivetrain_git", "drivetrain_state", "airflow_api", "airflow_db_cleanup"} == set(connections)
    assert "127.0.0.1" not in json.dumps(connections)


def test_each_part_gets_the_secrets_that_it_needs_and_no_other(tmp_path):
    secrets = PlatformSecrets.of(tmp_path)
    found = {one["metadata"]["name"]: one["stringData"] for one in secrets.manifests()}
    assert {one["kind"] for one in secrets.manifests()} == {"Secret"}
    assert set(found["airflow-keys"]) == {"api-secret-key", "fernet-key", "jwt-secret"}
    assert set(found["airflow-database"]) == {"url"}
    assert found["git"] == {"token": secrets.git_token}
    assert found["postgres"] == {"password": secrets.airflow.postgres_password}
    # Redis learns the hash alone, and so does the feature server of the key that is asked for.
    assert secrets.redis_password not in json.dumps(found["redis"])
    assert secrets.features_key not in json.dumps(found)
    assert found["feature-server"]["drivetrain_features_redis_password"] == secrets.redis_password
    assert secrets.git_token not in json.dumps(found["airflow-keys"]) + json.dumps(found["airflow-database"])
    setup = secrets.setup({"more": {"conn_type": "http"}})["stringData"]
    assert set(json.loads(setup["connections.json"])) == {*secrets.connections, "more"}
