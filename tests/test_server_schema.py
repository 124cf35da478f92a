"""The API's description is true: generated requests, right and wrong, with and without a token."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from boai.app.server.settings import Settings
from deskserver import Desk, make_desk
from examples import many
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)
PLACED = {"/nearest", "/where", "/need", "/text", "/sheet", "/log"}
HEAVY = {("POST", "/sheet"), ("GET", "/map.json"), ("GET", "/offline.json")}
"""Seconds each; what they take is that of /text, whose arguments are tried often."""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("schema") / "tiny"
    made = make_desk(folder, hosts=(*Settings("").hosts, "testserver"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def schema(desk: Desk) -> Any:
    config = schemathesis.Config()
    config.projects.default.generation.with_security_parameters = False  # tokens come from here
    return schemathesis.openapi.from_dict(desk.app.openapi(), config=config)


def operations(desk_schema: Any) -> list[Any]:
    return [found.ok() for found in desk_schema.get_all_operations()]


def run(desk: Desk, schema: Any, *, examples: int, heavy: bool) -> dict[tuple[str, str], set[int]]:
    """Send generated requests to every operation; returns the statuses of each."""
    seen: dict[tuple[str, str], set[int]] = {}
    tokens = [None, desk.desk.token, desk.admin.token]
    for operation in operations(schema):
        name = operation.method.upper(), operation.path
        if name in HEAVY and not heavy:
            continue
        statuses = seen.setdefault(name, set())
        _send(desk, operation, GenerationMode.POSITIVE, tokens, statuses, examples)
        with suppress(Unsatisfiable):  # what takes nothing cannot be asked wrongly
            _send(desk, operation, GenerationMode.NEGATIVE, tokens, statuses, examples)
    return seen


def _send(
    desk: Desk, operation: Any, mode: GenerationMode, tokens: list[Any], statuses: set[int], examples: int
) -> None:
    wrong = mode.is_negative
    checks = [*CHECKS, *([negative_data_rejection] if wrong else [])]

    @settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data(), token=st.sampled_from(tokens))
    def send(data: st.DataObject, token: str | None) -> None:
        case = data.draw(operation.as_strategy(generation_mode=mode))
        if not wrong and data.draw(st.booleans()):
            _to_known(case)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        response = case.call(app=desk.app, headers=headers)
        statuses.add(response.status_code)
        refused = response.status_code in {401, 403, 415, 429}
        own = [check for check in checks if not (refused and check is negative_data_rejection)]
        case.validate_response(response, checks=own)

    send()


def _to_known(case: Any) -> None:
    """Ask of a place and sites that exist, which generated texts never name."""
    asked = case.query if case.method == "GET" else case.body
    if case.path in PLACED and isinstance(asked, dict):
        for name in ("lon", "lat", "what_if", "items", "area", "speciality"):
            asked.pop(name, None)
        asked["at"] = "115.05,28.05"
        asked |= {"kind": "warehouse"} if "kind" in asked else {}
        asked |= {"chosen": ["warehouse-0"], "k": 20} if "chosen" in asked else {}
        asked |= {"persons": 40, "share": 0.5} if case.path == "/need" and case.method == "POST" else {}
    if case.path in {"/closures", "/closures/preview"} and isinstance(case.body, dict):
        case.body = {"click": {"lon": 115.05, "lat": 28.0}}
    if isinstance(case.body, dict):
        case.body.pop("until", None)
    for name, value in (("kind", "warehouse"), ("id", "warehouse-1")):
        if name in case.path_parameters:
            case.path_parameters[name] = value


def test_generated_requests_are_answered_as_described(desk: Desk, schema: Any) -> None:
    seen = run(desk, schema, examples=many(2), heavy=False)
    assert len(seen) >= 25
    assert not [name for name, statuses in seen.items() if any(status >= 500 for status in statuses)]


@pytest.mark.slow
def test_many_generated_requests_are_answered_as_described(desk: Desk, schema: Any) -> None:
    seen = run(desk, schema, examples=30, heavy=True)
    never = [name for name, statuses in seen.items() if not statuses & {200, 201}]
    assert {method for method, _ in never} <= {"DELETE"}, never


def test_every_address_is_described_and_every_error_has_one_form(desk: Desk) -> None:
    described = desk.app.openapi()
    paths = (
        "/health /layers /layers/{kind} /places /places/tree /where /nearest /reach /need /closures "
        "/closures/preview /closures/{number} /closures/history /marks /marks/{kind}/{id} /sheet /text /log "
        "/audit /tokens /tokens/{id} /me /map.json /offline.json"
    )
    for path in paths.split():
        assert path in described["paths"], path
    for path, methods in described["paths"].items():
        for method, facts in methods.items():
            assert facts["description"], (method, path)
            for status, told in facts["responses"].items():
                if int(status) >= 400:
                    name = told["content"]["application/json"]["schema"]["$ref"]
                    assert name.endswith("/ErrorBody"), (method, path, status)


def test_the_description_names_no_path_of_the_machine(desk: Desk) -> None:
    text = desk.anyone.get("/openapi.json").body.decode()
    assert str(desk.root) not in text
    assert str(Path.cwd()) not in text
