"""An endpoint's own authorities, certificate and proxy: found beside the file, refused with file, line and key."""

import ssl
import subprocess
from pathlib import Path

import pytest

from core import config
from core.errors import ConfigError
from core.settings import Endpoint
from core.webhooks.tls import own_context
from tests.core.config_texts import MINIMAL, a_config
from tests.core.test_config_errors import untold
from tests.core.webhooks.certificates import Authority, Certificate

ENDPOINT = '\n[[webhooks.endpoints]]\nid = "hq"\nurl = "https://hq.example.com/hook"\n'
PASSWORD = "canary-password"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def folder(tmp_path: Path, authority: Authority) -> Path:
    """With `ca.pem`, `box.pem` and `box.key`, and what is none of them."""
    box, other = authority.issue("box"), authority.issue("other")
    files = {"ca.pem": authority.own.cert, "box.pem": box.cert, "box.key": box.key, "other.key": other.key}
    for name, file in files.items():
        (tmp_path / name).write_bytes(file.read_bytes())
    (tmp_path / "both.pem").write_bytes(box.cert.read_bytes() + box.key.read_bytes())
    (tmp_path / "text.pem").write_text("canary\n")
    (tmp_path / "folder.pem").mkdir()
    encrypt(box, tmp_path / "locked.key")
    return tmp_path


def encrypt(box: Certificate, into: Path) -> None:
    words = ["openssl", "pkey", "-in", str(box.key), "-aes256", "-passout", f"pass:{PASSWORD}", "-out", str(into)]
    subprocess.run(words, check=True, capture_output=True)


def loaded(folder: Path, keys: str) -> Endpoint:
    (endpoint,) = config.load(a_config(folder, MINIMAL + ENDPOINT + keys)).settings.webhooks.endpoints
    return endpoint


@pytest.mark.parametrize(
    ("keys", "key", "problem"),
    [
        ('ca_file = "gone.pem"', "ca_file", "gone.pem can't be read (No such file or directory)"),
        ('ca_file = "folder.pem"', "ca_file", "folder.pem can't be read (Is a directory)"),
        ('ca_file = "text.pem"', "ca_file", "text.pem holds no certificate in PEM form"),
        ('ca_file = "box.key"', "ca_file", "box.key holds no certificate in PEM form"),
        ('ca_file = "a\\u0000"', "ca_file", "must not hold a NUL"),
        ('ca_file = "~nobody-here/ca"', "ca_file", "names a home directory that doesn't exist"),
        ('client_cert = "gone.pem"', "client_cert", "gone.pem can't be read (No such file or directory)"),
        ('client_cert = "text.pem"', "client_cert", "text.pem holds no certificate in PEM form"),
        ('client_cert = "box.pem"', "client_cert", "box.pem holds no key in PEM form without a password"),
        ('client_cert = "box.pem"\nclient_key = "gone.key"', "client_key", "gone.key can't be read"),
        ('client_cert = "box.pem"\nclient_key = "text.pem"', "client_key", "text.pem holds no key in PEM form"),
        ('client_cert = "box.pem"\nclient_key = "other.key"', "client_key", "other.key is not the key of client_cert"),
        ('client_cert = "box.pem"\nclient_key = "locked.key"', "client_key", "locked.key holds no key in PEM form"),
        ('client_key = "box.key"', "client_key", "needs client_cert"),
        ('proxy = "socks5://canary:1080"', "proxy", "is not http:// or https://"),
        ('proxy = "canary:3128"', "proxy", "is not http:// or https://"),
        ('proxy = "http://box:canary-password@"', "proxy", "has no usable host and port"),
        ('proxy = "http://canary-password:x@proxy:99999"', "proxy", "has no usable host and port"),
        ('proxy = "https://[canary-password"', "proxy", "has no usable host and port"),
    ],
)
def test_what_can_not_be_used_is_named_with_file_line_and_key(folder: Path, keys: str, key: str, problem: str) -> None:
    """At the start, not when the first alarm is to go out; and a proxy's password is not told."""
    with pytest.raises(ConfigError) as error:
        loaded(folder, keys)
    text = (MINIMAL + ENDPOINT + keys).splitlines()
    assert (error.value.key, error.value.path) == (f"webhooks.endpoints[0].{key}", folder / "config.toml")
    assert text[(error.value.line or 0) - 1].startswith(key)
    assert problem in error.value.problem
    assert untold(error.value) == []
    assert PASSWORD not in repr(error.value) + str(error.value.__cause__)


def test_paths_are_relative_to_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As every path in it."""
    monkeypatch.chdir("/")
    endpoint = loaded(folder, 'ca_file = "ca.pem"\nclient_cert = "box.pem"\nclient_key = "box.key"')
    found = (endpoint.ca_file, endpoint.client_cert, endpoint.client_key)
    assert found == (str(folder / "ca.pem"), str(folder / "box.pem"), str(folder / "box.key"))


def test_certificate_and_key_may_stand_in_one_file(folder: Path) -> None:
    """As some tools write them."""
    assert loaded(folder, 'client_cert = "both.pem"').client_key is None


@pytest.mark.parametrize(
    "proxy", ["http://proxy:3128", "https://box:canary-password@proxy.example/", "http://10.0.0.1"]
)
def test_a_proxy_may_be(folder: Path, proxy: str) -> None:
    """It may hold a password, and does not show it."""
    endpoint = loaded(folder, f'proxy = "{proxy}"')
    assert endpoint.proxy is not None
    assert (endpoint.proxy.reveal(), repr(endpoint.proxy)) == (proxy, "Secret(***)")


def test_an_endpoint_without_files_of_its_own_has_no_context_of_its_own() -> None:
    """All such ones share one."""
    assert own_context(Endpoint(id="hq", url="https://hq.example/")) is None


def test_own_authorities_take_the_place_of_the_systems(folder: Path) -> None:
    """Nobody else can vouch for the receiver then; hosts are checked all the same."""
    context = own_context(loaded(folder, 'ca_file = "ca.pem"'))
    assert context is not None
    assert len(context.get_ca_certs()) == 1
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_with_a_certificate_alone_the_systems_authorities_stay(folder: Path) -> None:
    """Only `ca_file` replaces them."""
    context, plain = own_context(loaded(folder, 'client_cert = "both.pem"')), ssl.create_default_context()
    assert context is not None
    assert context.cert_store_stats() == plain.cert_store_stats()


@pytest.mark.parametrize(
    ("keys", "key", "problem"),
    [
        ('tls_cert = "box.pem"', "tls_cert", "needs tls_key"),
        ('tls_key = "box.key"', "tls_key", "needs tls_cert"),
        (
            'tls_cert = "gone.pem"\ntls_key = "box.key"',
            "tls_cert",
            "gone.pem can't be read (No such file or directory)",
        ),
        ('tls_cert = "text.pem"\ntls_key = "box.key"', "tls_cert", "text.pem holds no certificate in PEM form"),
        ('tls_cert = "box.pem"\ntls_key = "gone.key"', "tls_key", "gone.key can't be read"),
        ('tls_cert = "box.pem"\ntls_key = "other.key"', "tls_key", "other.key is not the key of tls_cert"),
        ('tls_cert = "box.pem"\ntls_key = "locked.key"', "tls_key", "locked.key holds no key in PEM form without"),
        ('tls_cert = "a\\u0000"\ntls_key = "box.key"', "tls_cert", "must not hold a NUL"),
    ],
)
def test_the_own_doors_files_are_checked_too(folder: Path, keys: str, key: str, problem: str) -> None:
    with pytest.raises(ConfigError) as error:
        config.load(a_config(folder, f"{MINIMAL}\n[manage_api]\n{keys}\n"))
    assert error.value.key == f"manage_api.{key}"
    assert error.value.line is not None
    assert problem in error.value.problem


def test_the_own_doors_files_are_relative_to_the_file(folder: Path) -> None:
    keys = 'tls_cert = "box.pem"\ntls_key = "box.key"'
    door = config.load(a_config(folder, f"{MINIMAL}\n[manage_api]\n{keys}\n")).settings.manage_api
    assert (door.tls_cert, door.tls_key) == (str(folder / "box.pem"), str(folder / "box.key"))
