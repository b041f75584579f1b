"""Values of statements: `?` in a row, or `:name` from a dict; never by number.

Since Python 3.12 `?1` and `:name` with a row of values are deprecated, and an error from 3.14; an
older one says nothing. So what can be seen without running anything is held here.
"""

import ast
import re
from collections.abc import Iterator
from importlib import import_module

import pytest

from tests.architecture.test_sql import CONSTANT, Call, calls, modules, parse, texts

IN_A_ROW = {"rows", "row", "value", "execute"}
BY_NAME = {"named", "gather_rows", "execute_named"}

QUOTED = re.compile(r"'[^']*'")
NUMBER = re.compile(r"[?:@$]\d")
NAME = re.compile(r"(?<![\w:]):([A-Za-z_]\w*)")
UNKNOWN = "\N{REPLACEMENT CHARACTER}"  # stands for what is known when it runs


def text_of(call: Call) -> str:
    """The statement without what is quoted in it."""
    return QUOTED.sub("''", _text(call.node.args[0], call))


def _text(node: ast.expr, call: Call) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_text(part, call) for part in parts)
        case ast.FormattedValue(value=ast.Name(id=name)) | ast.Name(id=name) if CONSTANT.fullmatch(
            name
        ):
            return str(getattr(import_module(f"storage.{call.module.name}"), name))
        case _:
            return UNKNOWN


def values_given(call: Call) -> int | None:
    """Number of values in the call itself; None where that is known only when it runs."""
    values = call.node.args[1:]
    if call.method == "execute_many":
        rows = values[0]
        rows = rows.elt if isinstance(rows, ast.ListComp | ast.GeneratorExp) else rows
        values = rows.elts if isinstance(rows, ast.Tuple) else [ast.Starred(rows)]
    return None if any(isinstance(value, ast.Starred) for value in values) else len(values)


def names_given(call: Call) -> set[str] | None:
    values = call.node.args[1]
    if not isinstance(values, ast.Dict) or None in values.keys:
        return None
    return {str(key.value) for key in values.keys if isinstance(key, ast.Constant)}


def faults(call: Call) -> Iterator[str]:
    text, names = text_of(call), set(NAME.findall(text_of(call)))
    if NUMBER.search(text):
        yield "a placeholder has a number"
    if call.method in BY_NAME:
        if "?" in text:
            yield "? where values have names"
        given = names_given(call)
        if UNKNOWN not in text and given is not None and given != names:
            yield f"names {sorted(names)}, given {sorted(given)}"
    elif call.method in {*IN_A_ROW, "execute_many"}:
        if names:
            yield "a name where values come in a row"
        count = values_given(call)
        if UNKNOWN not in text and count is not None and text.count("?") != count:
            yield f"{text.count('?')} marks, {count} values"


def test_statements_get_the_values_that_they_ask_for() -> None:
    found = [call for module in modules().values() for call in calls(module)]
    whole = [call for call in found if UNKNOWN not in text_of(call)]
    print(f"{len(whole)} of {len(found)} statements can be read whole")
    assert len(whole) > 300
    assert [f"{call}: {fault}" for call in found for fault in faults(call)] == []


def test_placeholders_have_names_where_they_would_have_numbers() -> None:
    """Statements that are put together elsewhere, too."""
    found = [
        f"{module.name}:{line}: {text}"
        for module in modules().values()
        for line, text in texts(module.tree)
        if re.search(r"\?\d", text)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("call", "sound"),
    [
        ('r.rows("SELECT ? + ?", 1, 2)', True),
        ('r.rows("SELECT ? + ?", 1)', False),
        ('r.rows("SELECT ? + ?", *both)', True),
        ("r.row(\"SELECT '?' || ?\", 1)", True),
        ('r.value("SELECT ?1", 1)', False),
        ('r.rows(f"SELECT {may} AND ?1", 1)', False),
        ('r.rows(f"SELECT {may} AND ?", 1, 2)', True),
        ('w.execute("DELETE FROM t WHERE id = :id", 1)', False),
        ('r.named("SELECT :one", {"one": 1})', True),
        ('r.named("SELECT :one", {"two": 1})', False),
        ('r.named("SELECT :one", {"one": 1, "two": 2})', False),
        ('r.named("SELECT :one", {"one": 1, **more})', True),
        ('r.named("SELECT ?", {"one": 1})', False),
        ('w.execute_named("DELETE FROM t WHERE at = \'a:b\' AND id = :id", {"id": 1})', True),
        ('w.execute_many("INSERT INTO t VALUES (?, ?)", [(1, n) for n in them])', True),
        ('w.execute_many("INSERT INTO t VALUES (?, ?)", [(1, 2, n) for n in them])', False),
        ('w.execute_many("INSERT INTO t VALUES (?, ?)", rows)', True),
    ],
)
def test_rule_knows_a_statement_that_fits(call: str, sound: bool) -> None:
    (found,) = calls(parse("test", f"def ask(r, w, may, both, more, them, rows):\n    {call}\n"))
    assert (list(faults(found)) == []) is sound
