"""The record's words for people: Chinese first, the code of the programs behind it. Values only."""

from typing import Final

UNKNOWN: Final = "未知 unknown"
YES: Final = "是 yes"
SIMULATED: Final = "模拟数据，并非实测 simulated data, not measured"

_WORDS: Final = {
    "info": "提示",
    "warning": "警告",
    "critical": "严重",
    "temperature": "温度",
    "humidity": "湿度",
    "door": "柜门",
    "defrost": "化霜",
    "temp_high": "高温报警",
    "temp_low": "低温报警",
    "sensor_fault": "探头故障",
    "sensor_stale": "数据过期",
    "door_open": "门未关",
    "defrost_overrun": "化霜超时",
    "defrost_missed": "未化霜",
    "rate_of_rise": "升温过快",
    "budget_exceeded": "累计超温",
    "trend": "运行变长",
    "after_outage": "断电后高温",
    "humidity_high": "湿度过高",
    "humidity_low": "湿度过低",
    "device_health": "本机状况",
    "active": "持续中",
    "cleared": "已恢复",
    "unknown": "未知",
    "new": "待处理",
    "acknowledged": "已确认",
    "action": "处置",
    "note": "备注",
    "shelved": "暂缓",
    "unshelved": "暂缓结束",
    "actioned": "已处置",
    "closed": "已关闭",
    "handled": "已处置",
    "false_alarm": "误报",
    "maintenance": "检修",
    "not_watched": "不再监测",
    "over": "自行恢复",
    "unattended": "无人签字，自动关闭",
    "out_of_service": "停用",
}


def worded(code: str | None) -> str:
    """`高温报警 temp_high`; a code without a word stands for itself."""
    if code is None:
        return ""
    if code.startswith("forced: "):
        return f"强制关闭（{_WORDS.get(code.removeprefix('forced: '), '')}） {code}"
    return f"{_WORDS[code]} {code}" if code in _WORDS else code
