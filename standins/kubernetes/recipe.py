"""What is built from what. A change of this file is another folder in the cache, so it holds data and nothing else.

Debian's source package is the newest Kubernetes that Debian 12 has: https://packages.debian.org/bookworm/kubernetes.
apt checks each file against Debian's signed index, and dpkg-source each tarball against the package's description.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

RELEASE = "bookworm"
VERSION = "1.20.2"
SOURCE_PACKAGE = "kubernetes"
SOURCE_VERSION = "1.20.5+really1.20.2-1.1+deb12u1"

# Only for the build; removed after it.
BUILD_PACKAGES = ("golang-go", "dpkg-dev", "gcc", "libc6-dev", "xz-utils", "patch")
# Laid over /usr for the cluster's processes alone. Nothing is installed, so no package starts a service.
NODE_PACKAGES = (
    "docker.io",
    "containerd",
    "runc",
    "iptables",
    "iproute2",
    "conntrack",  # kube-proxy forgets a gone endpoint's UDP flows with it
    "socat",  # port-forward
    "etcd-server",
    "kubernetes-client",
    "busybox-static",
)

PROGRAMS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy")
IMPORT_PATH = "k8s.io/kubernetes"
GO_ENVIRONMENT = {
    "CGO_ENABLED": "0",
    # Go modules of 2021 are refused by today's Go with -mod=vendor; a GOPATH is not.
    "GO111MODULE": "off",
}
# Without the SDKs of AWS, Azure, GCE and vSphere.
GO_FLAGS = ("-tags", "providerless", "-trimpath")
STAMPED_PACKAGES = ("component-base/version", "client-go/pkg/version")
STAMPS = {
    "gitVersion": f"v{VERSION}",
    "gitMajor": "1",
    "gitMinor": "20",
    "gitTreeState": "clean",
    "buildDate": "2021-01-13T00:00:00Z",
}
# The one generated file that the source package lacks.
OPENAPI_GENERATOR = "vendor/k8s.io/kube-openapi/cmd/openapi-gen"
OPENAPI_FOLDERS = ("staging/src", "pkg", "vendor/k8s.io/kube-openapi")
OPENAPI_MARK = "// +k8s:openapi-gen=true"
OPENAPI_WITHOUT = (
    "testdata",
    "/test/",
    "code-generator",
    "_examples",
    "sample-",
    "kube-openapi/test",
)
OPENAPI_PACKAGE = "pkg/generated/openapi"
OPENAPI_FILE = "zz_generated.openapi"
PAUSE_SOURCE = "build/pause/linux/pause.c"


def linker_flags() -> str:
    """What makes a program say its version, without debugging tables."""
    stamps = [
        f"-X {IMPORT_PATH}/vendor/k8s.io/{package}.{name}={value}"
        for package in STAMPED_PACKAGES
        for name, value in STAMPS.items()
    ]
    return " ".join(("-s", "-w", *stamps))


def fingerprint() -> str:
    """Changes with this file."""
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
