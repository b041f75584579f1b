"""A request is parsed once, at its door: what goes on from there is typed."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNITS = {"Reader", "Writer"}
FORMS = {"Form", "Request"}


def functions(folder: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", node


def kinds(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """The last names of what its parameters are annotated with."""
    given = function.args
    every = (*given.posonlyargs, *given.args, *given.kwonlyargs)
    texts = (ast.unparse(one.annotation) for one in every if one.annotation is not None)
    return {text.rpartition(".")[2] for text in texts}


def mixes(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    found = kinds(function)
    return bool(found & UNITS and found & FORMS)


def test_units_do_not_read_what_was_sent() -> None:
    found = list(functions("server"))
    units = [name for name, one in found if kinds(one) & UNITS]
    print(f"{len(found)} functions, {len(units)} of them in units")
    assert len(units) > 400
    assert [name for name, one in found if mixes(one)] == []


def test_actions_take_no_form_and_no_bag_of_values() -> None:
    loose = ("Form", "dict[str, Any]", "Mapping[str, Any]")
    found = [
        name
        for name, one in functions("server/actions")
        if "_from_json" not in name and "_poll " not in f"{name} " and kinds(one) & set(loose)
    ]
    assert [name for name in found if "data_export" not in name] == []


@pytest.mark.parametrize(
    ("source", "mixed"),
    [
        ("def unit(writer: Writer, form: Form) -> None: ...", True),
        ("def unit(reader: Reader, request: web.Request) -> None: ...", True),
        ("def unit(writer: Writer, params: FilterParams) -> None: ...", False),
        ("def parse(form: Form) -> FilterParams: ...", False),
    ],
)
def test_rule_knows_what_it_forbids(source: str, mixed: bool) -> None:
    (function,) = ast.parse(source).body
    assert isinstance(function, ast.FunctionDef)
    assert mixes(function) is mixed
