"""The OpenAPI document says what the API is: it is complete, committed, and the API keeps to it (schemathesis)."""

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import schemathesis
from django.core.management import call_command
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import Client
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import CHECKS, load_all_checks

from config.management.commands import openapi
from config.wsgi import application
from tests.api import CHANNEL, HANDLING, V1, Machine
from tests.roads import Road
from workorders.api.problems import CODES
from workorders.transitions import STEPS

DOCUMENT = "/api/v1/schema/?format=json&lang=en"
schema = schemathesis.openapi.from_wsgi(DOCUMENT, application)
load_all_checks()
# What is wrong with a body is said after what is wrong with the moment: the order's state, or its version.
schema.config.checks.negative_data_rejection.expected_statuses += ["409", "412"]
# Valid against the document and refused all the same: codes that do not exist, orders in another state.
NOT_OURS = [CHECKS.get_one("positive_data_acceptance")]


@pytest.fixture
def machines(road: Road) -> dict[str, Any]:
    street, channel = Machine("J110105009", *HANDLING, "events:read", "webhooks:write"), Machine("1100", *CHANNEL)
    order = road.to("handling")
    appeal = channel.send("/appeals/", {"matter": "x", "kind": "help", "channel": "app"}).json()["number"]
    return {"street": street, "channel": channel, "order": order.number, "appeal": appeal}


@pytest.fixture
def same_connection(machines: dict[str, Any]) -> Iterator[None]:
    """The end of a request is not the end of the test's transaction; Django's own test client sees to that by itself."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@schema.parametrize()
@settings(
    max_examples=3,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)
@pytest.mark.usefixtures("same_connection")
@pytest.mark.proof
def test_the_api_keeps_to_its_document(case: Any, machines: dict[str, Any], settings: Any) -> None:
    settings.API_RATES = {"calls": (100_000, 60), "token": (100_000, 60)}
    intake = case.path.startswith((f"{V1}/appeals/", f"{V1}/calls/"))
    if "number" in (case.path_parameters or {}):
        case.path_parameters["number"] = machines["appeal" if intake else "order"]
    token = machines["channel" if intake else "street"].token
    headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"}
    case.call_and_validate(headers=headers, excluded_checks=NOT_OURS)


def test_the_committed_document_is_what_the_api_is() -> None:
    call_command("openapi", "--check")


def test_every_step_is_an_operation_with_its_own_fields() -> None:
    document = Client().get(DOCUMENT).json()
    for name in STEPS:
        operation = document["paths"][f"{V1}/workorders/{{number}}/{name.replace('_', '-')}/"]["post"]
        body = operation["requestBody"]["content"]["application/json"]["schema"]
        assert operation["summary"] and operation["description"] and body["additionalProperties"] is False


def test_every_operation_is_described_with_its_scope_and_its_errors() -> None:
    document = Client().get(DOCUMENT).json()
    known = set(document["components"]["securitySchemes"]["oauth2"]["flows"]["clientCredentials"]["scopes"])
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"] and operation["description"], path
            scopes = next(one["oauth2"] for one in operation["security"] if "oauth2" in one)
            assert set(scopes) <= known
            assert {"400", "401", "403", "429"} <= set(operation["responses"]), path
            assert method == "get" or "409" in operation["responses"], path


def test_every_field_parameter_and_answer_says_what_it_is() -> None:
    document = Client().get(DOCUMENT).json()
    shapes = document["components"]["schemas"]
    silent = [f"{name}.{field}" for name, shape in shapes.items() for field in without_words(shape)]
    for path, method, operation in operations(document):
        silent += [f"{path} {one['name']}" for one in operation.get("parameters", ()) if not one.get("description")]
        silent += [
            f"{method} {path} {status}"
            for status, answer in operation["responses"].items()
            if not (answer.get("description") or "$ref" in answer)
        ]
        for content in operation.get("requestBody", {"content": {}})["content"].values():
            silent += [f"{path} {field}" for field in without_words(content["schema"])]
    assert silent == []


def without_words(shape: dict[str, Any]) -> list[str]:
    return [name for name, field in shape.get("properties", {}).items() if not field.get("description")]


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_every_step_has_an_example_and_every_example_fits_its_shape() -> None:
    document, wrong = Client().get(DOCUMENT).json(), []
    for path, method, operation in operations(document):
        sent = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        if "steps" in operation["tags"] and method == "post":
            assert sent.get("examples"), path
        answers = [one.get("content", {}).get("application/json", {}) for one in operation["responses"].values()]
        for content in [sent, *answers]:
            checked = jsonschema.Draft202012Validator(
                {**content.get("schema", {}), "components": document["components"]}
            )
            for example in content.get("examples", {}).values():
                wrong += [
                    f"{path} {error.json_path} {error.message}" for error in checked.iter_errors(example["value"])
                ]
    assert wrong == []


def test_every_code_of_a_problem_is_documented() -> None:
    responses = Client().get(DOCUMENT).json()["components"]["responses"]
    for status, codes in CODES.items():
        if status not in (405, 500, 503):  # of no endpoint
            assert all(f"`{code}`" in responses[f"Problem{status}"]["description"] for code in codes)


def test_the_page_runs_nothing_that_the_policy_forbids(client: Client) -> None:
    page = client.get(f"{V1}/docs/")
    assert page.status_code == 200
    assert "unsafe" not in page["Content-Security-Policy"]
    text = page.content.decode()
    assert "<style" not in text and "onclick" not in text and text.count("<script") == text.count("<script src=")
    script = client.get(f"{V1}/docs/?script=")
    assert (script.status_code, script["Content-Type"]) == (200, "application/javascript")
    assert openapi.FILE.exists()
