from __future__ import annotations

import stat
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from standins.kubernetes.certificates import Pair, write_all
from standins.kubernetes.network import Network

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
NETWORK = Network.from_env({})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pki")


@pytest.fixture(scope="module")
def pairs(folder: Path) -> dict[str, Pair]:
    return write_all(folder, NETWORK, NOW)


def certificate(pair: Pair) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pair.certificate)


def addresses(pair: Pair) -> tuple[set[str], set[str]]:
    names = certificate(pair).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    found = {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    return found, set(names.get_values_for_type(x509.DNSName))


def test_the_api_server_may_serve_at_each_address_that_it_is_called_by(pairs):
    ips, hosts = addresses(pairs["apiserver"])
    assert ips == {"10.201.0.2", "10.201.2.1", "127.0.0.1"}
    assert {"kubernetes.default.svc", "kubernetes", "localhost"} <= hosts


def test_kubelet_is_a_node_and_may_serve_at_its_own_address_alone(pairs):
    assert addresses(pairs["kubelet"]) == ({"10.201.0.2"}, {"node1"})
    subject = certificate(pairs["kubelet"]).subject
    assert subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "system:node:node1"
    assert subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == "system:nodes"


def test_only_the_administrator_and_the_api_server_as_a_client_are_masters(pairs):
    masters = {name for name, pair in pairs.items() if "system:masters" in certificate(pair).subject.rfc4514_string()}
    assert masters == {"admin", "apiserver-kubelet-client"}


@pytest.mark.parametrize("name", ["admin", "controller-manager", "scheduler", "proxy"])
def test_who_only_calls_may_not_serve(pairs, name):
    extensions = certificate(pairs[name]).extensions
    with pytest.raises(x509.ExtensionNotFound):
        extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert list(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.CLIENT_AUTH]


def test_each_is_signed_by_the_authority_which_alone_may_sign(pairs):
    authority = certificate(pairs["ca"])
    for pair in pairs.values():
        one = certificate(pair)
        one.verify_directly_issued_by(authority)
        signs = one.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        assert signs == (pair is pairs["ca"])


def test_each_is_valid_now_and_no_longer_than_a_month(pairs):
    for pair in pairs.values():
        one = certificate(pair)
        assert one.not_valid_before_utc < NOW < one.not_valid_after_utc
        assert (one.not_valid_after_utc - NOW).days <= 30


def test_each_key_belongs_to_its_certificate(pairs):
    for pair in pairs.values():
        key = load_pem_private_key(pair.key, None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        assert key.public_key() == certificate(pair).public_key()


def test_the_keys_of_service_accounts_are_a_pair(folder, pairs):
    private = load_pem_private_key((folder / "service-accounts.key").read_bytes(), None)
    assert private.public_key() == load_pem_public_key((folder / "service-accounts.pub").read_bytes())


def test_only_the_owner_reads_what_is_written(folder, pairs):
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


def test_another_network_has_its_own_addresses(tmp_path):
    made = write_all(tmp_path, Network.from_env({"DRIVETRAIN_K8S_NETWORK": "10.77.4.0/22"}), NOW)
    ips, _ = addresses(made["apiserver"])
    assert ips == {"10.77.4.2", "10.77.6.1", "127.0.0.1"}
    assert all(ip_address(ip).is_private for ip in ips)
