"""Style that is counted: modules and functions stay small."""

import ast
from collections.abc import Iterator
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[2]
PACKAGES = ("server", "federation", "storage", "tests")
MOST_OF_MODULE = 500
MOST_OF_FUNCTION = 40


def modules() -> Iterator[tuple[Path, str]]:
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            if "node_modules" not in path.parts:
                yield path.relative_to(ROOT), path.read_text()


def functions(source: str) -> Iterator[tuple[str, int]]:
    """(name, lines), decorators not counted."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def test_modules_have_at_most_five_hundred_lines() -> None:
    sizes = {str(path): source.count("\n") for path, source in modules()}
    print(f"{len(sizes)} modules, {sum(sizes.values())} lines")
    assert {name: size for name, size in sizes.items() if size > MOST_OF_MODULE} == {}


def test_functions_have_at_most_forty_lines() -> None:
    sizes = {
        f"{path}:{name}": size for path, source in modules() for name, size in functions(source)
    }
    ours = [size for name, size in sizes.items() if not name.startswith("tests/")]
    print(f"{len(sizes)} functions; of ours, half have at most {median(ours)} lines")
    assert {name: size for name, size in sizes.items() if size > MOST_OF_FUNCTION} == {}
    assert median(ours) <= 8
