"""Configuration texts for the tests: a small one that is valid, and one that uses most keys."""

from pathlib import Path

SECRET = "whsec_Y2FuYXJ5LW9uZS1jYW5hcnktb25lLWNhbmFyeS1vbmU="
PREVIOUS = "whsec_Y2FuYXJ5LXR3by1jYW5hcnktdHdvLWNhbmFyeS10d28="
HEADER = "Bearer canary-three"
URL = "https://canary-user:canary-pass@hq.example.com:8443/canary/path?key=canary-query"
CANARIES = (SECRET, PREVIOUS, SECRET.removeprefix("whsec_"), HEADER, "canary")

MINIMAL = """\
[device]
id = "box"
site = "s-1"

[[sources]]
id = "sim"
driver = "simulated"

[[cabinets]]
id = "03"

[[sensors]]
id = "03.air"
cabinet = "03"
source = "sim"
point = "chiller"
"""

FULL = f"""\
# 冷柜卫士 —— 徐家汇店
[device]   # 本机
id = "box"
site = "s-1"
site_name = "徐家汇店"     # 店名

[monitor]
interval_s = 10

[[sources]]
id = "sim"
driver = "simulated"

[[sources]]
id = "gw"
driver = "http_json"
url = "http://gw:secret-canary@192.168.1.20/status"

[[cabinets]]
id = "03"
name = '鲜奶柜'            # 别动
preset = "cn_chilled_2018"
limits = {{ low = 1.0, high = 7.50 }}   # 自定

[[cabinets]]
id = "04"
[cabinets.limits]
high = -12
warn_high = -15

[[sensors]]
id = "03.air"
cabinet = "03"
source = "sim"
point = {{ model = "chiller", fails_after_s = 60 }}

[[sensors]]
id = "04.air"
cabinet = "04"
source = "gw"
point = "sensors.0.t"

[webhooks]
timeout_s = 10

[webhooks.retry]
first_delay_s = 5          # 第一次

[[webhooks.endpoints]]
id = "hq"
url = "{URL}"
secret = "{SECRET}"        # 签名
secret_previous = "{PREVIOUS}"
headers = {{ Authorization = "{HEADER}" }}

[manage_api]
listen = "127.0.0.1:8765"
"""


def a_config(directory: Path, text: str = MINIMAL) -> Path:
    path = directory / "config.toml"
    path.write_bytes(text.encode())
    return path
