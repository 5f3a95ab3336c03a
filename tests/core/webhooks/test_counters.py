"""What attempts are counted by."""

from core.webhooks.counters import Counters


def test_attempts_are_counted_by_endpoint_and_how_they_ended() -> None:
    counters = Counters()
    for endpoint, outcome, error_class in [
        ("hq", "failed", "timeout"),
        ("hq", "failed", "timeout"),
        ("hq", "delivered", None),
        ("store", "failed", "timeout"),
    ]:
        counters.count(endpoint, outcome, error_class)
    assert counters.attempts == {
        ("hq", "failed", "timeout"): 2,
        ("hq", "delivered", ""): 1,
        ("store", "failed", "timeout"): 1,
    }
