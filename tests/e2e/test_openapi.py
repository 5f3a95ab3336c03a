"""The served OpenAPI document against the running core itself, with work in its queue."""

import subprocess
import sys
from collections.abc import Callable

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis.config import SchemathesisConfig
from schemathesis.openapi.loaders import from_url

from tests.e2e.conftest import ROOT, Core, free_port, wait_until
from tests.schema_check import play

CONFIG = """
[device]
id = "box"
site = "site"

[[sources]]
id = "sim"
driver = "simulated"

[[cabinets]]
id = "01"
limits = {{ low = -40.0, high = -30.0 }}
alarm_delay_s = 0

[[sensors]]
id = "01.air"
cabinet = "01"
source = "sim"
point = "chiller"

[[webhooks.endpoints]]
id = "hq"
url = "http://127.0.0.1:{dead}/"

[manage_api]
listen = "127.0.0.1:{port}"
"""


@pytest.mark.filterwarnings("default")
def test_the_running_core_answers_only_what_its_document_promises(core: Callable[..., Core]) -> None:
    port = free_port()
    box = core(CONFIG.format(dead=free_port(), port=port))
    made = subprocess.run(
        [sys.executable, "-m", "core", "token", "add", "hq", "--scope", "admin", "--config", str(box.config)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    headers = {"Authorization": f"Bearer {made.stdout.split()[-1]}"}
    box.start()
    wait_until(lambda: box.get("webhooks/retries")["items"], "a delivery waits")
    OpenAPIV31SpecValidator(box.request("GET", "/openapi.json").json()).validate()
    url = f"http://127.0.0.1:{port}/openapi.json"
    # The stream never ends, and schemathesis would wait for that; it has tests of its own.
    schema = from_url(url, config=SchemathesisConfig(seed=7), headers=headers).exclude(path="/api/manage/stream")
    requests, found = play(schema, headers, max_examples=12)
    assert not found
    assert requests > 300
    assert box.alive
    assert "Traceback" not in box.said
