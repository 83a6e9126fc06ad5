from __future__ import annotations

import base64

import yaml

from standins.kubernetes.certificates import Pair
from standins.kubernetes.kubeconfig import kubeconfig

TEXT = kubeconfig("https://10.201.0.2:6443", b"the authority", Pair(b"the key", b"the certificate"))


def test_it_names_the_server_the_authority_and_the_user():
    content = yaml.safe_load(TEXT)
    [cluster], [user], [context] = content["clusters"], content["users"], content["contexts"]
    assert cluster["cluster"]["server"] == "https://10.201.0.2:6443"
    assert base64.b64decode(cluster["cluster"]["certificate-authority-data"]) == b"the authority"
    assert base64.b64decode(user["user"]["client-certificate-data"]) == b"the certificate"
    assert base64.b64decode(user["user"]["client-key-data"]) == b"the key"
    assert context["context"] == {"cluster": cluster["name"], "user": user["name"]}
    assert content["current-context"] == context["name"]


def test_the_official_client_reads_it(tmp_path):
    from kubernetes.client import Configuration
    from kubernetes.config import load_kube_config

    file = tmp_path / "config"
    file.write_text(TEXT)
    configuration = Configuration()
    load_kube_config(str(file), client_configuration=configuration)
    assert configuration.host == "https://10.201.0.2:6443"
