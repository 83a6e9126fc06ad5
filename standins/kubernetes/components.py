"""Kubernetes' own processes, as data: what each is started with, and what says that it is ready.

Flags of 1.20: https://v1-20.docs.kubernetes.io/docs/reference/command-line-tools-reference/.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from standins.kubernetes import dns, docker
from standins.kubernetes.api import Api
from standins.kubernetes.images import PAUSE
from standins.kubernetes.layout import API_PORT, NODE_NAME, Layout
from standins.kubernetes.node import Node
from standins.platform.secrets import write_private
from standins.supervisor.probes import call, http_ok, tcp
from standins.supervisor.state import Record
from standins.supervisor.units import Service, Unit

# The node has a loopback interface of its own, so these are nobody else's.
ETCD_CLIENT, ETCD_PEER = "http://127.0.0.1:2379", "http://127.0.0.1:2380"
CONTROLLER_PORT, SCHEDULER_PORT = 10257, 10259
KUBELET_PORT, KUBELET_HEALTH_PORT = 10250, 10248
PROXY_HEALTH_PORT, PROXY_METRICS_PORT = 10256, 10249
# Nothing runs outside of this node that could be a load balancer or a cloud.
WITHOUT_CONTROLLERS = ("cloud-node-lifecycle", "route", "service")


def components(node: Node) -> list[Unit]:
    """All of them."""
    return [
        *(_etcd(node), _api_server(node), _controller_manager(node), _scheduler(node)),
        *(_kubelet(node), _proxy(node), _dns(node)),
    ]


def _etcd(node: Node) -> Service:
    return node.service(
        "etcd",
        (
            "/usr/bin/etcd",
            *("--data-dir", "/var/lib/etcd/data"),
            *("--listen-client-urls", ETCD_CLIENT, "--advertise-client-urls", ETCD_CLIENT),
            *("--listen-peer-urls", ETCD_PEER, "--initial-advertise-peer-urls", ETCD_PEER),
            *("--initial-cluster", f"default={ETCD_PEER}"),
        ),
        probe=http_ok(2379, "/health"),
    )


def _api_server(node: Node) -> Service:
    layout = node.layout
    return node.service(
        "apiserver",
        (layout.program("kube-apiserver"), *flags(api_server_flags(layout))),
        probe=call(lambda: _check_api(layout)),
        depends_on=("etcd", "cable"),
        ready_timeout_seconds=120.0,
    )


def api_server_flags(layout: Layout) -> dict[str, str]:
    """What kube-apiserver is started with."""
    network, pki = layout.network, layout.pki
    return {
        "etcd-servers": ETCD_CLIENT,
        "bind-address": network.node_ip,
        "advertise-address": network.node_ip,
        "secure-port": str(API_PORT),
        "insecure-port": "0",
        "anonymous-auth": "false",
        "tls-cert-file": str(pki / "apiserver.crt"),
        "tls-private-key-file": str(pki / "apiserver.key"),
        "client-ca-file": str(pki / "ca.crt"),
        "kubelet-certificate-authority": str(pki / "ca.crt"),
        "kubelet-client-certificate": str(pki / "apiserver-kubelet-client.crt"),
        "kubelet-client-key": str(pki / "apiserver-kubelet-client.key"),
        "kubelet-preferred-address-types": "InternalIP",
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-key-file": str(pki / "service-accounts.pub"),
        "service-account-signing-key-file": str(pki / "service-accounts.key"),
        "service-cluster-ip-range": network.services,
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "allow-privileged": "true",
        "endpoint-reconciler-type": "lease",
        "profiling": "false",
    }


def _controller_manager(node: Node) -> Service:
    layout = node.layout
    pki = layout.pki
    controllers = ",".join(("*", *(f"-{name}" for name in WITHOUT_CONTROLLERS)))
    options = {
        "kubeconfig": str(layout.kubeconfigs / "controller-manager.yaml"),
        "bind-address": "127.0.0.1",
        "port": "0",
        "secure-port": str(CONTROLLER_PORT),
        "leader-elect": "false",
        "service-account-private-key-file": str(pki / "service-accounts.key"),
        "root-ca-file": str(pki / "ca.crt"),
        "cluster-signing-cert-file": str(pki / "ca.crt"),
        "cluster-signing-key-file": str(pki / "ca.key"),
        "use-service-account-credentials": "true",
        "controllers": controllers,
        "profiling": "false",
    }
    return node.service(
        "controller-manager",
        (layout.program("kube-controller-manager"), *flags(options)),
        probe=tcp(CONTROLLER_PORT),
        depends_on=("apiserver",),
    )


def _scheduler(node: Node) -> Service:
    options = {
        "kubeconfig": str(node.layout.kubeconfigs / "scheduler.yaml"),
        "bind-address": "127.0.0.1",
        "port": "0",
        "secure-port": str(SCHEDULER_PORT),
        "leader-elect": "false",
        "profiling": "false",
    }
    return node.service(
        "scheduler",
        (node.layout.program("kube-scheduler"), *flags(options)),
        probe=tcp(SCHEDULER_PORT),
        depends_on=("apiserver",),
    )


def _kubelet(node: Node) -> Service:
    layout = node.layout
    file = layout.node / "kubelet.json"
    configuration = json.dumps(kubelet_configuration(layout), indent=1)
    options = {
        "config": str(file),
        "kubeconfig": str(layout.kubeconfigs / "kubelet.yaml"),
        "hostname-override": NODE_NAME,
        "node-ip": layout.network.node_ip,
        "root-dir": "/var/lib/kubelet",
        "cert-dir": "/var/lib/kubelet/pki",
        "container-runtime": "docker",
        "docker-endpoint": f"unix://{docker.SOCKET}",
        # Docker's own bridge, and no plugin.
        "network-plugin": "",
        "pod-infra-container-image": PAUSE,
        "image-pull-progress-deadline": "10s",
    }
    return node.service(
        "kubelet",
        (layout.program("kubelet"), *flags(options)),
        probe=http_ok(KUBELET_HEALTH_PORT, "/healthz"),
        depends_on=("apiserver", docker.UNIT, "containers", "images"),
        prepare=lambda: write_private(file, configuration),
        revision=configuration,
    )


def kubelet_configuration(layout: Layout) -> dict[str, object]:
    """https://v1-20.docs.kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/."""
    pki = layout.pki
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": layout.network.node_ip,
        "port": KUBELET_PORT,
        "readOnlyPort": 0,
        "healthzBindAddress": "127.0.0.1",
        "healthzPort": KUBELET_HEALTH_PORT,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(pki / "kubelet.crt"),
        "tlsPrivateKeyFile": str(pki / "kubelet.key"),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{layout.name}",
        "volumePluginDir": "/var/lib/kubelet/volume-plugins",
        "resolvConf": str(layout.node / "resolv.conf"),
        "clusterDNS": [layout.network.node_ip],
        "clusterDomain": dns.DOMAIN,
        "failSwapOn": False,
        # A developer's disk may be fuller than a server's ever should be.
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        # No registry could give an image back.
        "imageGCHighThresholdPercent": 100,
        "serializeImagePulls": False,
        "registryPullQPS": 0,
        "eventRecordQPS": 50,
        "kubeAPIQPS": 100,
        "kubeAPIBurst": 200,
        "maxPods": 200,
    }


def _proxy(node: Node) -> Service:
    options = {
        "kubeconfig": str(node.layout.kubeconfigs / "proxy.yaml"),
        "proxy-mode": "iptables",
        "hostname-override": NODE_NAME,
        "healthz-bind-address": f"127.0.0.1:{PROXY_HEALTH_PORT}",
        "metrics-bind-address": f"127.0.0.1:{PROXY_METRICS_PORT}",
        "nodeport-addresses": node.layout.network.cable,
        # 0 leaves these limits of the kernel as they are: a namespace may not change them.
        "conntrack-max-per-core": "0",
        "conntrack-tcp-timeout-established": "0",
        "conntrack-tcp-timeout-close-wait": "0",
    }
    return node.service(
        "proxy",
        (node.layout.program("kube-proxy"), *flags(options)),
        probe=http_ok(PROXY_HEALTH_PORT, "/healthz"),
        depends_on=("apiserver",),
    )


def _dns(node: Node) -> Service:
    layout = node.layout
    program = Path(dns.__file__)
    api = f"{layout.network.node_ip}:{API_PORT}"

    def probe(_: Record) -> str | None:
        try:
            found = dns.ask(layout.network.node_ip, f"kubernetes.default.svc.{dns.DOMAIN}")
        except OSError as error:
            return str(error)
        return None if found else "it does not know the API server's service"

    return node.service(
        "dns",
        (sys.executable, "-I", "-S", str(program), layout.network.node_ip, api, str(layout.pki)),
        probe=probe,
        depends_on=("apiserver",),
        revision=program.read_text(encoding="utf-8"),
    )


def flags(options: dict[str, str]) -> list[str]:
    """As Go's programs want them."""
    return [f"--{name}={value}" for name, value in options.items()]


def _check_api(layout: Layout) -> None:
    with Api(layout) as api:
        api.check("/readyz")
