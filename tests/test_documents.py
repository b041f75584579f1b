"""What the documents say is what there is."""

import re
from pathlib import Path

from federation import activities
from federation.objects import actor, note
from server.http.guard import API
from server.routes import ROUTES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
FEDERATION = (ROOT / "FEDERATION.md").read_text()


def test_map_names_every_module() -> None:
    named = set(re.findall(r"`([\w/]+)`", README))
    there = [
        path
        for package in ("server", "federation", "storage")
        for path in (ROOT / package).iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    ]
    names = {path.stem if path.suffix else f"{path.name}/" for path in there} - {"__init__"}
    assert sorted(names - named) == []


def test_federation_document_names_every_verb_and_noun() -> None:
    rows = set(re.findall(r"^\| `(\w+)` \|", FEDERATION, re.MULTILINE))
    assert set(activities.__all__) <= rows
    named = set(re.findall(r"`(\w+)`", FEDERATION))
    assert set(note.TYPES) <= named
    assert set(actor.TYPES) - {"Organization"} <= named


def test_federation_document_claims_no_verb_that_is_not_there() -> None:
    section = FEDERATION.partition("### Activities")[2].partition("###")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == set(activities.__all__)


def test_resources_of_the_api_have_their_module() -> None:
    modules = {path.stem for path in (ROOT / "server" / "api").rglob("*.py")}
    handlers = {
        route.handler.__module__.rpartition(".")[2] for route in ROUTES if route.access in API
    }
    assert handlers - {"oauth"} <= modules


def test_changelog_has_something_to_say() -> None:
    assert "## Unreleased" in (ROOT / "CHANGELOG.md").read_text()


def test_security_page_names_tests_that_exist() -> None:
    page = (ROOT / "tests" / "SECURITY.md").read_text()
    named = re.findall(r"`((?:\w+/)+test_\w+\.py)(?:::(\w+))?`", page)
    assert len(named) > 100
    for path, test in named:
        text = (ROOT / "tests" / path).read_text()
        assert not test or f"def {test}(" in text, f"{path}::{test}"


def test_security_page_has_every_requirement_of_its_sections() -> None:
    page = (ROOT / "tests" / "SECURITY.md").read_text()
    rows = {int(number) for number in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)}
    assert rows == {*range(1, 86), 87, *range(89, 99)}
