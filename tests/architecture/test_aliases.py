"""Aliases in SQL: a table has one in all statements (`docs/glossary.md`), so columns are checked.

Statements are put together from constants in several places; the alias alone tells the table.
"""

import ast
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from storage.engine import schema
from tests.architecture.test_sql import ROOT, Module, modules

ALIASED = re.compile(r"\b(?:FROM|JOIN|UPDATE|INTO)\s+([a-z_]+)\s+(?:AS\s+)?([a-z]{1,2})\b")
KEYWORDS = {"as", "on"}


def aliases() -> dict[str, set[str]]:
    """Aliases by table, as docs/glossary.md has them."""
    _, _, text = (ROOT / "docs" / "glossary.md").read_text().partition("## Aliases in SQL")
    rows = re.findall(r"^\| ([a-z_]+) \| (`.+) \|$", text.partition("\n## ")[0], re.MULTILINE)
    return {table: set(re.findall(r"`([a-z]+)`", said)) for table, said in rows}


def statements(module: Module) -> Iterator[str]:
    """Strings of a module, with a blank where something is put in."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else " " for part in node.values
            )


def test_aliases_in_statements_are_those_of_the_glossary() -> None:
    said = aliases()
    found = {
        (table, alias)
        for module in modules().values()
        for text in statements(module)
        for table, alias in ALIASED.findall(text)
        if alias not in KEYWORDS
    }
    print(f"{len(found)} aliases of {len({table for table, _ in found})} tables")
    assert found == {(table, alias) for table, names in said.items() for alias in names}
    assert len(found) == len({alias for _, alias in found})


COLUMN = re.compile(r"(?<![\w.:])([a-z]{1,2})\.([a-z_]+)\b")
VALUES = {"j": {"value", "key"}}  # of json_each


def columns(path: Path) -> dict[str, set[str]]:
    """Columns by alias, of a new file; generated ones among them."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        schema.migrate(connection, path)
        return VALUES | {
            alias: {row[1] for row in connection.execute(f"PRAGMA table_xinfo({table})")}
            for table, names in aliases().items()
            for alias in names
        }


def used_columns(text: str) -> set[tuple[str, str]]:
    return set(COLUMN.findall(re.sub(r"'[^']*'", "''", text)))


def test_columns_are_those_of_the_table_that_the_alias_names(tmp_path: Path) -> None:
    known = columns(tmp_path / "kith.db")
    used = {
        (module.name, alias, column)
        for module in modules().values()
        for text in statements(module)
        for alias, column in used_columns(text)
    }
    print(f"{len(used)} columns by alias")
    assert len(used) > 300
    assert {one for one in used if one[2] not in known.get(one[1], ())} == set()
