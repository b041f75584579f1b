"""One cast of people for all tests, described in tests/README.md: a name tells who somebody is."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
MADE = re.compile(r"""\.person\(\s*"(\w+?)\d*\"""")


def cast() -> set[str]:
    _, _, text = (TESTS / "README.md").read_text().partition("## Who appears")
    rows = re.findall(r"^\| ([a-z, ]+) \|", text, re.MULTILINE)
    people = {name for row in rows for name in row.split(", ")} - {"name"}
    examples = re.search(r"is called that: ([a-z, ]+)\.", text)
    assert people and examples
    return people | set(examples[1].split(", "))


def test_people_in_tests_are_those_of_the_cast() -> None:
    found = {
        name: str(path.relative_to(TESTS))
        for path in TESTS.rglob("*.py")
        for name in MADE.findall(path.read_text())
    }
    print(f"{len(found)} names")
    assert len(found) > 20
    assert {name: where for name, where in found.items() if name not in cast()} == {}
    assert cast() - found.keys() == set()
