"""Certificates for the tests, made by openssl: an authority of our own, and what it vouches for or not."""

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

LONG_AGO: Final = ("20200101000000Z", "20200201000000Z")
NOW: Final = ("20200101000000Z", "20491231235959Z")
YET_TO_COME: Final = ("20480101000000Z", "20491231235959Z")
HERE: Final = "IP:127.0.0.1"

_CONFIG: Final = """\
[ca]
default_ca = ours
[ours]
database = {folder}/index
new_certs_dir = {folder}
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
copy_extensions = copy
[any]
commonName = supplied
"""


@dataclass(frozen=True)
class Certificate:
    cert: Path
    key: Path

    def server(self, client_ca: Path | None = None) -> ssl.SSLContext:
        """The context of a receiver that shows it, and asks for a certificate of this authority if one is given."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, self.key)
        if client_ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(client_ca)
        return context


class Authority:
    """Vouches for what `issue` makes. `own` is its own certificate, `file` the PEM that a box would trust."""

    def __init__(self, folder: Path):
        self._folder = folder
        (folder / "index").write_text("")
        (folder / "openssl.cnf").write_text(_CONFIG.format(folder=folder))
        self.own = self.self_signed("authority", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        self.file = str(self.own.cert)

    def self_signed(self, name: str, *more: str) -> Certificate:
        found = Certificate(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        extra = ["-addext", f"subjectAltName={HERE}", *more]
        _openssl("req", "-x509", *_new(found.key, name), *extra, "-days", "3650", "-out", str(found.cert))
        return found

    def issue(self, name: str, valid: tuple[str, str] = NOW, of: str = HERE) -> Certificate:
        found = Certificate(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        asked = self._folder / f"{name}.csr"
        _openssl("req", *_new(found.key, name), "-addext", f"subjectAltName={of}", "-out", str(asked))
        start, end = valid
        own = ["-cert", str(self.own.cert), "-keyfile", str(self.own.key), "-startdate", start, "-enddate", end]
        files = ["-config", str(self._folder / "openssl.cnf"), "-in", str(asked), "-out", str(found.cert)]
        _openssl("ca", "-batch", "-notext", *own, *files)
        return found


def _new(key: Path, name: str) -> list[str]:
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    return [*curve, "-keyout", str(key), "-subj", f"/CN={name}"]


def _openssl(*words: str) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs openssl")
    subprocess.run([openssl, *words], check=True, capture_output=True)
