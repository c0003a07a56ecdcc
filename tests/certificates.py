"""Certificates for servers on loopback: by an authority of our own, or signed by themselves."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from watcher.system import http_client

DAY = dt.timedelta(days=1)
_MAY = ("key_cert_sign", "crl_sign")
_MAY_NOT = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
)
_SIGNS = x509.KeyUsage(
    **dict.fromkeys(_MAY, True), **dict.fromkeys((*_MAY_NOT, "encipher_only", "decipher_only"), False)
)
"""What an authority's key is for: Python 3.13 trusts none that does not say so."""


class Authority:
    """Signs certificates. `file` is what those who trust it are given."""

    def __init__(self, folder: Path, name: str = "an authority of our own") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        signed = (
            _builder(self._name, self._key, dt.datetime(2019, 1, 1, tzinfo=dt.UTC), DAY * 36500)
            .issuer_name(self._name)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_SIGNS, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))

    def serves(
        self, host: str = "127.0.0.1", start: dt.datetime | None = None, lasts: dt.timedelta = DAY * 2
    ) -> ssl.SSLContext:
        """For a server at `host`, from `start` (yesterday) on."""
        return _context(self.signs(host, start, lasts))

    def is_trusted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """By this process, as if SSL_CERT_FILE had named it when it began."""
        monkeypatch.setenv("SSL_CERT_FILE", str(self.file))
        context = http_client.client_context.__wrapped__()
        monkeypatch.setattr(http_client, "client_context", lambda: context)

    def _mark(self) -> x509.AuthorityKeyIdentifier:
        """Whose key signed it: Python 3.13 trusts no certificate without."""
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())

    def signs(self, host: str, start: dt.datetime | None = None, lasts: dt.timedelta = DAY * 2) -> Path:
        """The same as a file, with its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        try:
            other: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            other = x509.DNSName(host)
        signed = (
            _builder(name, key, start or dt.datetime.now(dt.UTC) - DAY, lasts)
            .issuer_name(self._name)
            .add_extension(x509.SubjectAlternativeName([other]), critical=False)
            .add_extension(self._mark(), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return _written(self._folder / f"{host}-{signed.serial_number}.pem", key, signed)


def self_signed(folder: Path) -> ssl.SSLContext:
    """For a server at localhost, by nobody."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    signed = (
        _builder(name, key, dt.datetime.now(dt.UTC) - DAY, DAY * 2)
        .issuer_name(name)
        .sign(key, hashes.SHA256())
    )
    return _context(_written(folder / "server.pem", key, signed))


def _builder(
    name: x509.Name, key: ec.EllipticCurvePrivateKey, start: dt.datetime, lasts: dt.timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + lasts)
    )


def _written(pem: Path, key: ec.EllipticCurvePrivateKey, signed: x509.Certificate) -> Path:
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem.write_bytes(key.private_bytes(*form) + signed.public_bytes(serialization.Encoding.PEM))
    return pem


def _context(pem: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context
