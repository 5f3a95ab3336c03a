"""What schemathesis finds when it plays an OpenAPI document against what is really served."""

from schemathesis.engine import events, from_schema
from schemathesis.schemas import BaseSchema


def play(schema: BaseSchema, headers: dict[str, str], *, max_examples: int) -> tuple[int, list[str]]:
    """How many requests were made, and which answers the document does not promise."""
    schema.config.update(headers=headers)
    schema.config.generation.update(max_examples=max_examples)
    schema.config.phases.stateful.enabled = False  # it makes links up, and puts lists unquoted into paths
    requests, found = 0, []
    for event in from_schema(schema).execute():
        assert not isinstance(event, events.NonFatalError | events.FatalError), event
        if isinstance(event, events.ScenarioFinished):
            requests += len(event.recorder.cases)
            checks = [one for several in event.recorder.checks.values() for one in several]
            found += [f"{event.recorder.label}: {one.failure_info.failure}" for one in checks if one.failure_info]
    return requests, found
