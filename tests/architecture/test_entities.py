"""Entities are typed, and hold what the API's schema requires.

The schema is not ours to commit: `API_SCHEMA` names a folder with openapi.json and its fixes.
"""

import ast
import json
import os
from pathlib import Path
from typing import Any

import pytest

from server.entities import shapes
from tests.architecture.test_glossary import modules

SCHEMA = os.environ.get("API_SCHEMA")
ANYTHING = "dict[str, Any]"
PACKAGES = ("server.api", "server.entities", "server.actions", "server.cli")

# Parts that the schema spells out inside of other entities.
PARTS = set(
    "AccountSource FilterBase InstanceContact InstanceRegistrations InteractionPolicy MediaFocus "
    "MediaMeta MediaSize ScheduledPoll ScheduledStatusParams StatusApplication StatusBasics "
    "StatusEditPoll StatusEditPollOption StatusEditQuestion StatusPolicies StatusTail "
    "StatusText".split()
)
# Members of ours that the schema has not: of other versions, and of our own (FEDERATION.md).
MORE = {
    "MediaAttachment": {"preview_remote_url", "text_url"},
    "Profile": {"featured_tags"},
    "Status": {"interaction_policy", "local_only"},
    "Suggestion": {"source"},
}
# Members of a Status that are joined to its bytes by name (server/entities/status.py).
JOINED = {"account", "poll", "quote", "reblog"}


def test_values_do_not_travel_as_anything() -> None:
    found = [
        f"{module}:{node.lineno}"
        for module, path in modules()
        if module.startswith(PACKAGES)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Subscript) and ast.unparse(node) == ANYTHING
    ]
    assert found == []


def entities() -> dict[str, tuple[frozenset[str], frozenset[str]]]:
    """(required, all) members of each entity by name; of a Status, all its parts together."""
    found = {}
    for name, kind in vars(shapes).items():
        if isinstance(kind, type) and hasattr(kind, "__required_keys__") and name != "Placeholder":
            required = frozenset(kind.__required_keys__)
            found[name] = (required, required | frozenset(getattr(kind, "__optional_keys__", ())))
    text, tail = found["StatusText"], found["StatusTail"]
    found["Status"] = (text[0] | tail[0] | JOINED, text[1] | tail[1] | JOINED)
    return {name: keys for name, keys in found.items() if name not in PARTS}


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    if SCHEMA is None:
        pytest.skip("API_SCHEMA does not say where the API's schema lies")
    fixes: dict[str, Any] = {}
    exec((Path(SCHEMA) / "openapi_fixes.py").read_text(), fixes)  # noqa: S102
    document = fixes["apply"](json.loads((Path(SCHEMA) / "openapi.json").read_text()))
    schemas: dict[str, Any] = document["components"]["schemas"]
    return schemas


def members(schema: dict[str, Any], name: str) -> tuple[set[str], set[str]]:
    """(required, all) members by the schema, those of what it extends among them."""
    required: set[str] = set()
    known: set[str] = set()
    for part in (schema[name], *schema[name].get("allOf", ())):
        if "$ref" in part:
            more, of_it = members(schema, part["$ref"].rpartition("/")[2])
            required, known = required | more, known | of_it
        required |= set(part.get("required", ()))
        known |= set(part.get("properties", {}))
    return required, known


def test_entities_have_what_the_schema_requires(schema: dict[str, Any]) -> None:
    found = entities()
    print(f"{len(found)} entities")
    assert len(found) > 35
    assert {name for name in found if name not in schema} == set()
    lacking, more = {}, {}
    for name, (required, mine) in found.items():
        wanted, known = members(schema, name)
        if wanted - required:
            lacking[name] = wanted - required
        if mine - known:
            more[name] = set(mine - known)
    assert lacking == {}
    assert more == MORE
