"""What schemathesis finds when it plays an OpenAPI document against what is really served."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from schemathesis.engine.run import PhaseName
from schemathesis.openapi.loaders import from_dict
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.schemas import OpenApiSchema

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


@dataclass
class Play:
    """How many requests were made, how many of them were made up for each operation, and which answers the document does
    not promise.
    """

    requests: int = 0
    made_up: Counter[str] = field(default_factory=Counter)
    found: list[str] = field(default_factory=list)

    def go(self, schema: BaseSchema) -> None:
        for event in from_schema(schema).execute():
            assert not isinstance(event, events.NonFatalError | events.FatalError), event
            if isinstance(event, events.ScenarioFinished):
                recorder = event.recorder
                self.requests += len(recorder.cases)
                self.made_up[str(recorder.label)] += len(recorder.cases) if event.phase is PhaseName.FUZZING else 0
                checks = [one for several in recorder.checks.values() for one in several]
                self.found += [f"{recorder.label}: {one.failure_info.failure}" for one in checks if one.failure_info]


def play(schema: OpenApiSchema, headers: dict[str, str], *, max_examples: int) -> Play:
    """All phases, all checks. A stream that never ends is left out: who serves one has a test of its own.

    Where the document has examples, schemathesis makes up fewer of its own; so it does that with a document without them.
    """
    bare = from_dict(_without_examples(schema.raw_schema), config=SchemathesisConfig(seed=7))
    bare.app, bare.location = schema.app, schema.location
    played = Play()
    for one, makes_up in ((schema, False), (bare, True)):
        one.config.update(headers=headers)
        one.config.generation.update(max_examples=max_examples, database="none")
        phases = one.config.phases
        phases.fuzzing.enabled = makes_up
        phases.examples.enabled = phases.coverage.enabled = phases.stateful.enabled = not makes_up
        played.go(one.exclude(lambda context: is_stream(context.operation.definition.raw)))
    return played


def takes_nothing(operation: dict[str, Any]) -> bool:
    """Then there is nothing to make up."""
    return not operation.get("parameters") and "requestBody" not in operation


def _without_examples(part: Any) -> Any:
    match part:
        case dict():
            return {key: _without_examples(value) for key, value in part.items() if key != "example"}
        case list():
            return [_without_examples(one) for one in part]
    return part


def is_stream(operation: dict[str, Any]) -> bool:
    return any(STREAM in answer.get("content", ()) for answer in operation["responses"].values())
