"""Secrets planted in the configuration: none of them comes out, whatever is asked, refused, logged, kept, sent or printed."""

import base64
import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import PEERS, ROOT, Core, Process, free_port, json_lines, wait_until
from tests.e2e.shops import SECRET

KEYS = {
    name: base64.b64encode(f"canary-{name}-canary-{name}".encode()).decode() for name in ("sign", "past", "file", "new")
}
LOGINS = ("canary-url:canary-pass", "canary-proxy:canary-pass", "canary-source:canary-pass")
CANARIES = ("canary", *KEYS.values(), *(base64.b64encode(login.encode()).decode() for login in LOGINS))

CONFIG = """
[device]
id = "box"
site = "SH-0412"

[monitor]
interval_s = 0.2
heartbeat_s = 1

[[sources]]
id = "sim"
driver = "simulated"

[[sources]]
id = "gateway"
driver = "http_json"
url = "http://canary-source:canary-pass@127.0.0.1:{parrot}/canary-source?key=canary-source"

[[cabinets]]
id = "03"
limits = {{ high = -30.0 }}
alarm_delay_s = 0

[[sensors]]
id = "03.air"
cabinet = "03"
source = "sim"
point = "chiller"

[[sensors]]
id = "03.rear"
cabinet = "03"
source = "gateway"
point = "temperature"

[webhooks]
timeout_s = 2

[webhooks.retry]
first_delay_s = 0.2
max_delay_s = 1

[[webhooks.endpoints]]
id = "hq"
url = "http://canary-url:canary-pass@127.0.0.1:{parrot}/canary-path-token/hook?key=canary-query#canary-end"
secret = "whsec_{sign}"
secret_previous = "whsec_{past}"
headers = {{ Authorization = "Bearer canary-header", X-Key = "canary-key" }}

[[webhooks.endpoints]]
id = "filed"
url = "http://127.0.0.1:{dead}/canary-path"
secret_file = "filed.key"

[[webhooks.endpoints]]
id = "proxied"
url = "http://hq.invalid/canary-path?access_token=canary-query"
proxy = "http://canary-proxy:canary-pass@127.0.0.1:{parrot}"

[[webhooks.endpoints]]
id = "other"
url = "http://127.0.0.1:{receiver}/"
secret = "{secret}"

[manage_api]
listen = "127.0.0.1:{port}"
"""
PATCHES: tuple[dict[str, Any], ...] = (
    {"secret": "canary, no base64"},
    {"secret": 7, "secret_file": "canary"},
    {"secret": ["canary"]},
    {"secret": {"a": "canary"}},
    {"secret_file": "/nowhere/../canary\0"},
    {"secret_previous": "whsec_" + KEYS["new"] + "!"},
    {"headers": {"Authorization": "canary\nX: y"}},
    {"headers": {"Authorization": ["canary"]}},
    {"headers": ["canary"]},
    {"url": "ftp://canary-url:canary-pass@hq/"},
    {"url": "http://canary-url:canary-pass@hq:99999999/canary"},
    {"url": "http://canary-url:canary-pass@[broken/canary"},
    {"url": {"canary": 1}},
    {"proxy": "socks5://canary-proxy:canary-pass@hq"},
    {"proxy": "http://canary-proxy:canary-pass@:0"},
    {"timeout_s": "canary"},
)
BROKEN = (
    'secret = "whsec_canary\n',
    "secret = whsec_canary\n",
    'secret = "canary, no base64"\n',
    "secret = ['canary']\n",
    'headers = { Authorization = "canary\\u0007" }\n',
    'headers = { Authorization = "canary" \n',
    'proxy = "canary://canary"\n',
    'secret = "canary"\nsecret = "canary"\n',
    'secret_previous = "canary" "canary"\n',
)


class Parrot(BaseHTTPRequestHandler):
    """As debug pages and firewalls do: answers an error that repeats the whole request."""

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        said = f"{self.command} {self.path}\r\n{self.headers}".encode()
        self.send_response(503, self.headers.get("authorization", "Service Unavailable").split()[-1])
        self.send_header("content-length", str(len(said)))
        self.send_header("location", self.path)
        self.end_headers()
        self.wfile.write(said)

    do_GET = do_POST = answer

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def a_parrot() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Parrot) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@dataclass
class Shop:
    box: Core
    port: int
    token: str
    got: Path  # by the other endpoint

    def doors(self) -> Iterator[httpx.Client]:
        socket = httpx.HTTPTransport(uds=str(self.box.data / "manage.sock"))
        with httpx.Client(transport=socket, base_url="http://localhost", timeout=20) as client:
            yield client
        headers = {"Authorization": f"Bearer {self.token}"}
        with httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}", headers=headers, timeout=20, trust_env=False
        ) as client:
            yield client

    def patch(self, endpoint: dict[str, Any], query: str = "", **how: Any) -> httpx.Response:
        body = {"webhooks": {"endpoints": {"hq": endpoint}}}
        return self.box.request("PATCH", f"/api/manage/config{query}", json=body, **how)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A box in trouble: alarms, failing endpoints and sources, a drain, changes of secrets, a kill and a damaged journal."""
    directory, receiver, port = tmp_path_factory.mktemp("shop"), free_port(), free_port()
    got = directory / "got.jsonl"
    peer = Process(
        [sys.executable, str(PEERS / "receiver.py"), str(receiver), SECRET, str(got)], directory / "peer.log"
    )
    with a_parrot() as parrot:
        (directory / "filed.key").write_text(f"whsec_{KEYS['file']}\n")
        ports = {"receiver": receiver, "port": port, "parrot": parrot, "dead": free_port()}
        box = Core(directory, CONFIG.format(secret=SECRET, **ports, **KEYS))
        try:
            peer.start()
            made = command(box, "token", "add", "hq", "--scope", "admin", "--config", str(box.config))
            live_through(made_shop := Shop(box, port, made.split()[-1], got))
            yield made_shop
        finally:
            peer.end()
            box.end()


def live_through(shop: Shop) -> None:
    box = shop.box
    box.start()
    wait_until(lambda: len(failed(box)) == 3, "each of the three has failed")
    assert (
        shop.patch({"secret_previous": f"whsec_{KEYS['new']}", "headers": {"X-Key": "canary-new"}}).status_code == 200
    )
    assert shop.patch({"url": "http://127.0.0.1:1/canary-new"}, "?dry_run=true").status_code == 200
    box.post("webhooks/retries/drain", {"only_due": False, "time_budget_s": 2, "endpoint": "hq"})
    case = box.get("cases")["items"][0]["case_id"]
    box.post(f"cases/{case}/note", {"by": "li", "note": "ice"})
    box.kill()
    with (box.data / "retries.jsonl").open("ab") as file:
        file.write(b'{"v":1,"n":torn')
    box.start()
    wait_until(lambda: len(failed(box)) == 3, "each of the three has failed again")


def failed(box: Core) -> set[str]:
    items = box.get("webhooks/retries", limit=250)["items"]
    return {item["endpoint"]["id"] for item in items if item["last_attempt"]}


def command(box: Core, *words: str) -> str:
    """What it prints, on both streams."""
    run = [sys.executable, "-m", "core", *words]
    return subprocess.run(run, cwd=ROOT, text=True, stdout=-1, stderr=subprocess.STDOUT, check=False, timeout=30).stdout


def leaked(said: str | bytes) -> list[str]:
    """Also where JSON or a URL writes it in another way."""
    data = said.encode() if isinstance(said, str) else said
    return [canary for canary in CANARIES if canary.encode() in data]


def whole(answer: httpx.Response) -> str:
    return f"{answer.reason_phrase}\n{answer.headers}\n{answer.text}"


# -- answers -----------------------------------------------------------------------------------------------------------


def asked(document: dict[str, Any], known: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Each GET of the document: its path there, and with what it asks for filled in."""
    for path, methods in document["paths"].items():
        if "get" not in methods:
            continue
        parameters = [{"required": False, **one} for one in methods["get"].get("parameters", [])]
        places = {one["name"]: known.get(one["name"], "x") for one in parameters if one["in"] == "path"}
        query = {
            one["name"]: known.get(one["name"], "x") for one in parameters if one["in"] == "query" and one["required"]
        }
        yield path, str(httpx.URL(path.format(**places), params=query))


def heard(client: httpx.Client, url: str, seconds: float = 1.5) -> tuple[int, str]:
    """The status, and all that is said; of a stream what comes in the first moments."""
    end = time.monotonic() + seconds
    with client.stream("GET", url, timeout=httpx.Timeout(20, read=seconds)) as answer:
        said = [f"{answer.headers}".encode()]
        with contextlib.suppress(httpx.ReadTimeout):
            for piece in answer.iter_raw():
                said.append(piece)
                if time.monotonic() > end:
                    break
        return answer.status_code, b"".join(said).decode(errors="replace")


def test_no_answer_shows_a_secret(shop: Shop) -> None:
    """Every GET that the document knows, through both doors; those with variables for what there is."""
    box = shop.box
    known = {
        "case_id": box.get("cases")["items"][0]["case_id"],
        "delivery_id": box.get("webhooks/retries", endpoint="hq")["items"][0]["delivery_id"],
        "drain_id": box.post("webhooks/retries/drain", {"only_due": False, "endpoint": "filed"})["drain_id"],
        "sensor": "03.air",
        "cabinet": "03",
        "endpoint": "hq",
        "endpoint_id": "hq",
    }
    for client in shop.doors():
        document = client.get("/openapi.json").json()
        for path, url in asked(document, known):
            status, said = heard(client, url)
            assert (leaked(said), status) == ([], 200), path


def test_each_delivery_shows_that_what_it_was_answered_was_censored(shop: Shop) -> None:
    """The receiver repeats all that it got; of that only stars are left."""
    items = shop.box.get("webhooks/retries", endpoint="hq")["items"]
    excerpts = [item["last_attempt"]["response_excerpt"] for item in items if item["last_attempt"]]
    assert excerpts
    assert all(excerpt.startswith("POST ****") for excerpt in excerpts)
    assert not leaked("".join(excerpts))


# -- refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("endpoint", PATCHES, ids=lambda one: "-".join(one))
def test_no_refused_change_shows_a_secret(shop: Shop, endpoint: dict[str, Any]) -> None:
    """Neither one that stands in the file nor one that was sent."""
    for query in ("", "?dry_run=true"):
        answer = shop.patch(endpoint, query)
        assert answer.status_code == 409, answer.text
        assert not leaked(whole(answer))


def test_no_refused_request_shows_what_was_sent(shop: Shop) -> None:
    tcp = {"base_url": f"http://127.0.0.1:{shop.port}", "trust_env": False}
    with httpx.Client(**tcp) as stranger:  # type: ignore[arg-type]
        answers = [
            stranger.get("/api/manage/status", headers={"Authorization": "Bearer canary-token"}),
            stranger.get("/api/manage/status", headers={"Authorization": "Basic canary-token"}),
            stranger.get("/canary"),
        ]
    request = shop.box.request
    answers += [
        request("GET", "/canary?token=canary"),
        request("GET", "/api/manage/cases?cursor=canary"),
        request("GET", "/api/manage/cases?kind=canary"),
        request("GET", "/api/manage/cases", headers={"host": "canary.example"}),
        request("GET", "/api/manage/cases", headers={"origin": "http://canary.example"}),
        request(
            "PATCH", "/api/manage/config", content=b'{"secret": "canary', headers={"content-type": "application/json"}
        ),
        request("PATCH", "/api/manage/config", json=["canary"]),
        request("PATCH", "/api/manage/config", content=b"canary", headers={"content-type": "text/canary"}),
        request("POST", "/api/manage/webhooks/retries/drain", json={"only_due": "canary"}),
        shop.patch({"timeout_s": 5}, headers={"if-match": '"canary"'}),
    ]
    assert [answer.status_code for answer in answers if not 400 <= answer.status_code < 500] == []
    assert [leaked(whole(answer)) for answer in answers] == [[]] * len(answers)


@pytest.mark.parametrize("broken", BROKEN, ids=str.strip)
def test_a_broken_file_shows_no_secret(shop: Shop, broken: str) -> None:
    """In no answer to who reads or changes it, and not on the terminal either."""
    box = shop.box
    text = box.config.read_text()
    try:
        box.config.write_text(text.replace(f'secret = "whsec_{KEYS["sign"]}"\n', broken, 1))
        answers = [box.request("GET", "/api/manage/config"), shop.patch({"timeout_s": 5})]
        said = command(box, "check-config", "--config", str(box.config))
    finally:
        box.config.write_text(text)
    assert [answer.json()["code"] for answer in answers] == ["config_invalid"] * 2
    assert f"cdg-core: {box.config}:" in said
    assert [leaked(one) for one in (*map(whole, answers), said)] == [[]] * 3


# -- what stays, goes out, and is printed ---------------------------------------------------------------------------------


def test_no_file_of_the_box_holds_a_secret(shop: Shop) -> None:
    """Journals, archive, history, audit, quarantine; the log too. Only the configuration and its secret files do."""
    files = [path for path in shop.box.data.rglob("*") if path.is_file()]
    names = {path.name for path in files}
    assert {"retries.jsonl", "cases.jsonl", "audit.jsonl", "audit.head", "history.sqlite3"} <= names
    assert [path for path in files if path.parent.name == "quarantine"]
    assert {str(path): found for path in files if (found := leaked(path.read_bytes()))} == {}
    assert leaked(shop.box.said) == []
    assert [
        path for path in shop.box.directory.rglob("*") if path.is_file() and shop.token.encode() in path.read_bytes()
    ] == []
    patched = [line["d"] for line in json_lines(shop.box.data / "audit.jsonl") if line["d"]["what"] == "config.patch"]
    assert "webhooks.endpoints.hq.secret_previous" in {one["key"] for deed in patched for one in deed["changes"]}


def test_no_other_endpoint_is_told_a_secret(shop: Shop) -> None:
    """What headquarters gets of the box, of its failing endpoints and of its configuration."""
    wait_until(lambda: any(one["event"]["type"] == "device.heartbeat" for one in json_lines(shop.got)), "it is told")
    assert "config.changed" in {one["event"]["type"] for one in json_lines(shop.got)}
    assert leaked(shop.got.read_bytes()) == []


@pytest.mark.parametrize(
    "words",
    [
        ("check-config", "--config", "CONFIG"),
        ("verify", "DATA"),
        ("export", "--data-dir", "DATA"),
        ("export", "--data-dir", "DATA", "--format", "json"),
        ("token", "list", "--config", "CONFIG"),
        ("serve", "--config", "CONFIG", "--data-dir", "DATA"),
    ],
    ids=" ".join,
)
def test_no_command_prints_a_secret(shop: Shop, words: tuple[str, ...]) -> None:
    places = {"CONFIG": str(shop.box.config), "DATA": str(shop.box.data)}
    said = command(shop.box, *(places.get(word, word) for word in words))
    assert said
    assert leaked(said) == []
