"""The words of docs/glossary.md are those of the code, and what it gives up is given up."""

import ast
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("server", "federation", "storage")
NAMES, _, FORMER = (
    (ROOT / "docs" / "glossary.md").read_text().partition("## What they are not called")
)
STANDS_FOR_SOMETHING_ELSE = {
    "server.http.allowances:Share",
    "federation.activity:Unwanted",  # what a policy of federation does not take
    "server.actions.moderation",
}


def modules() -> Iterator[tuple[str, Path]]:
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def classes(path: Path) -> list[str]:
    body = ast.parse(path.read_text()).body
    return [node.name for node in body if isinstance(node, ast.ClassDef) and node.name[0] != "_"]


def types(path: Path) -> list[str]:
    """Classes, and other names of a module that begin as those do."""
    found = re.findall(r"^([A-Z][a-z]\w+)(?:: \w+)? = ", path.read_text(), re.MULTILINE)
    return [*classes(path), *found]


def words(name: str) -> set[str]:
    """`HttpClient` and `http_client` are both http and client."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)}


def test_glossary_names_what_is_there() -> None:
    named = re.findall(r"`((?:server|federation|storage)(?:\.\w+)*)`", NAMES)
    said = [
        name
        for text in re.findall(r"class(?:es)? ((?:`\w+`(?:, )?)+)", NAMES)
        for name in re.findall(r"\w+", text)
    ]
    there = {name for _, path in modules() for name in types(path)}
    print(f"{len(named)} modules and {len(said)} classes are named")
    assert len(named) > 50
    assert len(said) > 20
    assert [name for name in named if find_spec(name) is None] == []
    assert [name for name in said if name not in there] == []


def test_names_have_no_word_that_was_given_up() -> None:
    left = [
        line.split("|")[1]
        for line in FORMER.splitlines()
        if line.startswith("| ") and "---" not in line
    ]
    former = {
        word for cell in left[1:] for word in re.findall(r"[a-z]+", re.sub(r"\(.*?\)", "", cell))
    }
    former -= {"membership"}  # of communities it is the word
    print(f"{len(former)} words were given up: {sorted(former)}")
    assert len(former) > 30
    found = [name for name, _ in modules() if words(name.rpartition(".")[2]) & former]
    found += [
        f"{module}:{name}"
        for module, path in modules()
        for name in classes(path)
        if words(name) & former
    ]
    assert [name for name in found if name not in STANDS_FOR_SOMETHING_ELSE] == []


def test_rows_stand_in_order() -> None:
    rows = re.findall(r"^\| ([^|]+?) \|", NAMES, re.MULTILINE)
    rows = [row.lower() for row in rows if row not in ("word", "---")]
    assert len(rows) == len(set(rows))
