"""Keys and certificates of a cluster: one authority, one pair for each who speaks.

Names decide what one may do: https://kubernetes.io/docs/setup/best-practices/certificates/. A common name is the
user, an organization is a group.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from standins.kubernetes.layout import NODE_NAME
from standins.kubernetes.network import Network
from standins.platform.secrets import write_private

VALID = timedelta(days=30)
# A clock that is set back a little must not make a certificate one of the future.
EARLY = timedelta(hours=1)


@dataclass(frozen=True)
class Pair:
    """A private key and its certificate, both PEM."""

    key: bytes
    certificate: bytes


@dataclass(frozen=True)
class Identity:
    """Who a certificate speaks for.

    Attributes:
        name: of its files.
        user: common name.
        group: organization.
        addresses: IP addresses and host names that it may serve at; none: a client only.
    """

    name: str
    user: str
    group: str
    addresses: tuple[str, ...] = ()


def identities(network: Network) -> list[Identity]:
    """Everyone in a cluster."""
    api = (
        *(network.node_ip, network.api_service_ip, "127.0.0.1"),
        *("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"),
        "kubernetes.default.svc.cluster.local",
    )
    return [
        Identity("apiserver", "kube-apiserver", "drivetrain", api),
        Identity("admin", "admin", "system:masters"),
        Identity("apiserver-kubelet-client", "kube-apiserver-kubelet-client", "system:masters"),
        Identity("controller-manager", "system:kube-controller-manager", "drivetrain"),
        Identity("scheduler", "system:kube-scheduler", "drivetrain"),
        Identity("proxy", "system:kube-proxy", "drivetrain"),
        Identity("kubelet", f"system:node:{NODE_NAME}", "system:nodes", (network.node_ip, NODE_NAME)),
    ]


class Authority:
    """Signs; its own key never leaves the process that made it, but for the controller manager's file."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _subject("drivetrain-kubernetes", "drivetrain")
        self._certificate = (
            self._builder(self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs=True), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def pair(self) -> Pair:
        """The authority's own."""
        return Pair(_key_pem(self._key), self._certificate.public_bytes(serialization.Encoding.PEM))

    def sign(self, identity: Identity) -> Pair:
        """A new key and a certificate for it."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            self._builder(_subject(identity.user, identity.group), key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(_purposes(identity)), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if identity.addresses:
            names = x509.SubjectAlternativeName([_alternative(text) for text in identity.addresses])
            builder = builder.add_extension(names, critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        return Pair(_key_pem(key), certificate.public_bytes(serialization.Encoding.PEM))

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - EARLY)
            .not_valid_after(self._now + VALID)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        )


def service_account_keys() -> tuple[bytes, bytes]:
    """Private and public key that tokens of service accounts are signed and checked with."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return _key_pem(key), public


def write_all(folder: Path, network: Network, now: datetime) -> dict[str, Pair]:
    """Make everything anew and write it to `folder`; returns the pairs by their names, the authority's as `ca`."""
    authority = Authority(now)
    pairs = {"ca": authority.pair} | {one.name: authority.sign(one) for one in identities(network)}
    for name, pair in pairs.items():
        write_private(folder / f"{name}.key", pair.key.decode())
        write_private(folder / f"{name}.crt", pair.certificate.decode())
    private, public = service_account_keys()
    write_private(folder / "service-accounts.key", private.decode())
    write_private(folder / "service-accounts.pub", public.decode())
    return pairs


def _subject(user: str, group: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group), x509.NameAttribute(NameOID.COMMON_NAME, user)]
    )


def _alternative(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _purposes(identity: Identity) -> list[x509.ObjectIdentifier]:
    server = [ExtendedKeyUsageOID.SERVER_AUTH] if identity.addresses else []
    return [*server, ExtendedKeyUsageOID.CLIENT_AUTH]


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=not signs,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _key_pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    # SEC1 and PKCS#1, which the Go of 2021 reads for certain.
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
