"""What schemathesis finds when it plays an OpenAPI document against what is really served."""

from typing import Any

import schemathesis
from schemathesis.engine import events, from_schema
from schemathesis.schemas import BaseSchema

STREAM, PROBLEM = "text/event-stream", "application/problem+json"


@schemathesis.check
def declared_code(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]
) -> None:
    """Each error has a code that the document names for this operation and status."""
    if PROBLEM not in response.headers.get("content-type", ()):
        return
    code, document = response.json()["code"], case.operation.schema.raw_schema
    answers = document["paths"][case.operation.path][case.operation.method.lower()]["responses"]
    if (answer := answers.get(str(response.status_code))) is not None:
        declared = answer["x-codes"]
    else:  # of no operation, such as a method that the path doesn't take
        every = document["x-problem-codes"].items()
        declared = [one for one, told in every if response.status_code in told["statuses"]]
    assert code in declared, f"{response.status_code} {code} is not among {declared}"


def play(schema: BaseSchema, headers: dict[str, str], *, max_examples: int) -> tuple[int, list[str]]:
    """How many requests were made, and which answers the document does not promise.

    A stream that never ends is left out: who serves one has a test of its own.
    """
    schema = schema.exclude(lambda context: _is_stream(context.operation.definition.raw))
    schema.config.update(headers=headers)
    schema.config.generation.update(max_examples=max_examples)
    requests, found = 0, []
    for event in from_schema(schema).execute():
        assert not isinstance(event, events.NonFatalError | events.FatalError), event
        if isinstance(event, events.ScenarioFinished):
            requests += len(event.recorder.cases)
            checks = [one for several in event.recorder.checks.values() for one in several]
            found += [f"{event.recorder.label}: {one.failure_info.failure}" for one in checks if one.failure_info]
    return requests, found


def _is_stream(operation: dict[str, Any]) -> bool:
    return any(STREAM in answer.get("content", ()) for answer in operation["responses"].values())
