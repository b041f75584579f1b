"""SQL as storage writes it: what may be put into a statement, what it may not do, how it is found.

ruff's S608 is off for storage/ because of this module: the first test is that rule, stricter.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STORAGE = ROOT / "storage"
PACKAGES = ("server", "federation", "storage")
DOORS = {"rows", "row", "value", "named", "gather_rows", "execute", "execute_many", "executemany"}
DOORS |= {"execute_named", "executescript"}
CONSTANT = re.compile(r"_?[A-Z][A-Z0-9_]*")

# Where statements of others are run, or files of ours: (module, function).
ENGINE = {
    ("engine.transaction", "rows"),
    ("engine.transaction", "row"),
    ("engine.transaction", "value"),
    ("engine.transaction", "named"),
    ("engine.transaction", "gather_rows"),
    ("engine.transaction", "execute"),
    ("engine.transaction", "execute_named"),
    ("engine.transaction", "execute_many"),
    ("engine.connection", "connect"),  # pragmas, listed above it
    ("engine.schema", "_apply"),  # a numbered file
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class Module:
    """A module of storage, read but not run."""

    name: str
    tree: ast.Module
    functions: dict[str, Function] = field(default_factory=dict)
    constants: dict[str, ast.expr] = field(default_factory=dict)
    imported: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for node in ast.walk(self.tree):
            if isinstance(node, Function):
                self.functions[node.name] = node
            elif isinstance(node, ast.ImportFrom) and node.module:
                self.imported |= {alias.name: node.module for alias in node.names}
        for node in self.tree.body:
            target = node.targets[0] if isinstance(node, ast.Assign) else None
            target = node.target if isinstance(node, ast.AnnAssign) else target
            if isinstance(target, ast.Name) and isinstance(node, ast.Assign | ast.AnnAssign):
                assert target.id not in self.constants, f"{target.id} is given twice"
                if node.value is not None:
                    self.constants[target.id] = node.value


def parse(name: str, source: str) -> Module:
    return Module(name, ast.parse(source))


@cache
def modules() -> dict[str, Module]:
    found = {}
    for path in STORAGE.rglob("*.py"):
        name = ".".join(path.relative_to(STORAGE).with_suffix("").parts)
        found[name] = parse(name, path.read_text())
    return found


@dataclass
class Call:
    """A call of a door, the function it stands in, and its statement."""

    module: Module
    function: Function
    node: ast.Call

    @property
    def method(self) -> str:
        return self.node.func.attr if isinstance(self.node.func, ast.Attribute) else ""

    def __str__(self) -> str:
        return f"{self.module.name}.{self.function.name}:{self.node.lineno}"


def calls(module: Module) -> Iterator[Call]:
    for function in module.functions.values():
        for node in ast.walk(function):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if node.func.attr in DOORS and (module.name, function.name) not in ENGINE:
                yield Call(module, function, node)


# ---- what may be put into a statement ----


def is_fixed(node: ast.expr, module: Module, function: Function) -> bool:
    """Whether nothing from outside the program can be in this text."""
    match node:
        case ast.Constant(value=str()):
            return True
        case ast.JoinedStr(values=parts):
            return all(is_part_fixed(part, module, function) for part in parts)
        case ast.IfExp(body=one, orelse=other):
            return is_fixed(one, module, function) and is_fixed(other, module, function)
        case ast.Name(id=name) if CONSTANT.fullmatch(name):
            return is_constant(name, module)
        case ast.Name(id=name):
            return is_name_fixed(name, module, function)
        case _:
            return is_order_of_page(node, function)


def is_part_fixed(part: ast.expr, module: Module, function: Function) -> bool:
    if isinstance(part, ast.FormattedValue):
        plain = part.conversion == -1 and part.format_spec is None
        return plain and is_fixed(part.value, module, function)
    return isinstance(part, ast.Constant)


def is_constant(name: str, module: Module) -> bool:
    """Made when the program starts, in this module or in another of storage."""
    origin = module.imported.get(name)
    if origin is None:
        return name in module.constants
    package, _, rest = origin.partition(".")
    return package == "storage" and name in modules()[rest].constants


def is_order_of_page(node: ast.expr, function: Function) -> bool:
    """`page.order` of a parameter that is a Page: ASC or DESC (see the test of that)."""
    if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)):
        return False
    kinds = {a.arg: a.annotation for a in (*function.args.args, *function.args.kwonlyargs)}
    kind = kinds.get(node.value.id)
    return node.attr == "order" and isinstance(kind, ast.Name) and kind.id == "Page"


def is_name_fixed(name: str, module: Module, function: Function) -> bool:
    """A local name: wherever it gets its value, that is fixed."""
    sources = list(values_of(name, function))
    if not sources:
        return is_parameter_fixed(name, module, function)
    return all(is_source_fixed(source, module, function) for source in sources)


def values_of(name: str, function: Function) -> Iterator[ast.expr]:
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                yield value
            case ast.Assign(targets=[ast.Tuple(elts=[ast.Name(id=first), *_])], value=value) if (
                first == name
            ):
                yield value
            case ast.AugAssign(target=ast.Name(id=target), value=value) if target == name:
                yield value
            case ast.For(target=ast.Name(id=target), iter=value) if target == name:
                yield value
            case ast.comprehension(target=ast.Tuple(elts=[ast.Name(id=first), *_]), iter=value) if (
                first == name
            ):
                yield value


def is_source_fixed(source: ast.expr, module: Module, function: Function) -> bool:
    match source:
        case ast.Call(func=ast.Name(id="predicate")):  # `may, values = predicate(viewer)`
            return module.imported.get("predicate") == "storage.posts.visibility"
        case ast.Tuple(elts=texts):
            return all(is_fixed(text, module, function) for text in texts)
        case _:
            return is_fixed(source, module, function)


def is_parameter_fixed(name: str, module: Module, function: Function) -> bool:
    """A parameter of a private function: wherever that is called, what is given is fixed."""
    names = [argument.arg for argument in function.args.args]
    if name not in names or not function.name.startswith("_"):
        return False
    place, found = names.index(name), 0
    for client in module.functions.values():
        for node in ast.walk(client):
            if isinstance(node, ast.Call) and is_called(node, function.name):
                found += 1
                if len(node.args) <= place or not is_fixed(node.args[place], module, client):
                    return False
    return found > 0


def is_called(node: ast.Call, name: str) -> bool:
    return isinstance(node.func, ast.Name) and node.func.id == name


def test_statements_are_made_of_fixed_text() -> None:
    found = [call for module in modules().values() for call in calls(module)]
    loose = [
        str(call)
        for call in found
        if not call.node.args or not is_fixed(call.node.args[0], call.module, call.function)
    ]
    print(f"{len(found)} statements in {len(modules())} modules")
    assert len(found) > 150
    assert loose == []


LOOSE = """
from storage.engine.pagination import Page
from storage.posts.visibility import predicate
from elsewhere import FOREIGN
TABLE = "posts"
def {name}(reader, viewer, page: Page, other, table):
    may, values = {may}
    return reader.rows({statement})
def calls(reader, viewer, page):
    return {name}(reader, viewer, page, page, {given})
"""


@pytest.mark.parametrize(
    ("statement", "fixed"),
    [
        ('"SELECT 1"', True),
        ('f"SELECT 1 FROM {TABLE} WHERE {may} ORDER BY id {page.order}"', True),
        ('f"SELECT 1 FROM {table}"', True),
        ('f"SELECT 1 FROM {other}"', False),
        ('f"SELECT 1 FROM {FOREIGN}"', False),
        ('f"SELECT 1 FROM {UNKNOWN}"', False),
        ('f"SELECT {viewer.name}"', False),
        ('f"SELECT 1 ORDER BY id {other.order}"', False),
        ('f"SELECT {page.limit}"', False),
        ('f"SELECT {TABLE!r}"', False),
        ('f"SELECT {TABLE:>9}"', False),
        ('f"SELECT {str(viewer)}"', False),
        ('f"SELECT {values}"', False),
        ('"SELECT 1 FROM " + table', False),
        ('"SELECT 1 FROM %s" % table', False),
        ('"SELECT 1 FROM {}".format(table)', False),
        ('" ".join([table])', False),
    ],
)
def test_rule_tells_fixed_text_from_other(statement: str, fixed: bool) -> None:
    def judged(**more: str) -> bool:
        given = {"name": "_ask", "may": "predicate(viewer)", "given": "TABLE", **more}
        (call,) = calls(parse("test", LOOSE.format(statement=statement, **given)))
        return is_fixed(call.node.args[0], call.module, call.function)

    assert judged() is fixed
    if "{may}" in statement:
        assert not judged(may="viewer.name, {}")
    if "{table}" in statement:
        assert not judged(given="page")
        assert not judged(name="ask")


def test_page_sorts_up_or_down_and_nothing_else() -> None:
    (answer,) = (
        node
        for node in ast.walk(modules()["engine.pagination"].functions["order"])
        if isinstance(node, ast.Return)
    )
    assert isinstance(answer.value, ast.IfExp)
    both = {ast.unparse(answer.value.body), ast.unparse(answer.value.orelse)}
    assert both == {"'ASC'", "'DESC'"}


def test_predicates_are_constants() -> None:
    visibility = modules()["posts.visibility"]
    texts = [
        node.value.elts[0]
        for node in ast.walk(visibility.functions["predicate"])
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple)
    ]
    assert len(texts) == 4
    assert all(is_fixed(text, visibility, visibility.functions["predicate"]) for text in texts)


# ---- what a statement may not do ----

ENDINGS = re.compile(
    r"\b(COMMIT|ROLLBACK|SAVEPOINT|RELEASE|BEGIN|DEFERRABLE|DEFERRED|defer_foreign_keys|VACUUM"
    r"|ATTACH|DETACH|PRAGMA)\b|^\s*END\b",
    re.IGNORECASE,
)
MAY_END = {"engine.transaction", "engine.schema", "engine.connection", "lifecycle.integrity"}
MAY_END |= {"queues.job_kinds"}  # has no statement; a kind of work begins with the word “end”


# What a trigger does is no transaction of its own: its BEGIN and END are only brackets.
TRIGGER = re.compile(r"^CREATE TRIGGER [^;]*? BEGIN$(.*?)^END;$", re.MULTILINE | re.DOTALL)


def texts(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every text of a module that is not a docstring, with its line."""
    said = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            yield node.lineno, node.value


def test_statements_cannot_end_their_neighbours_transaction() -> None:
    found = [
        f"{module.name}:{line}: {text}"
        for module in modules().values()
        if module.name not in MAY_END
        for line, text in texts(module.tree)
        if ENDINGS.search(text)
    ]
    # The copy is made by a reader's connection, outside of every transaction.
    assert [line.partition(": ")[2] for line in found] == [
        "PRAGMA query_only = OFF",
        "VACUUM INTO ?",
        "PRAGMA query_only = ON",
    ]


def test_tables_do_not_defer_or_roll_back() -> None:
    for script in (STORAGE / "migrations").glob("*.sql"):
        statements = TRIGGER.sub(r"\1", re.sub(r"--.*", "", script.read_text()))
        assert not ENDINGS.search(statements), script.name


@pytest.mark.parametrize("ending", ["COMMIT", "INSERT OR ROLLBACK INTO t", "pragma x", "end"])
def test_rule_knows_endings(ending: str) -> None:
    assert ENDINGS.search(ending)


def test_scripts_which_commit_by_themselves_are_for_migrations_only() -> None:
    users = {
        module.name
        for module in modules().values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute) and node.attr in {"executescript", "commit", "rollback"}
    }
    assert users == {"engine.schema"}


# ---- who may speak to SQLite ----


def sources(*packages: str) -> Iterator[tuple[Path, ast.Module]]:
    for package in packages:
        for path in (ROOT / package).rglob("*.py"):
            yield path.relative_to(ROOT), ast.parse(path.read_text())


def imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_sqlite_is_spoken_to_in_storage_only() -> None:
    used = {
        str(path)
        for path, tree in sources(*PACKAGES)
        if {name.partition(".")[0] for name in imports(tree)} & {"sqlite3", "aiosqlite"}
    }
    assert {Path(path).parts[0] for path in used} == {"storage"}
    async_users = {
        str(path)
        for path, tree in sources("storage")
        if "aiosqlite" in {name.partition(".")[0] for name in imports(tree)}
    }
    assert async_users == {"storage/engine/connection.py"}


STATEMENT = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|PRAGMA|WITH|CREATE|DROP|REPLACE)\b")


def test_statements_are_written_in_storage_only() -> None:
    found = [
        f"{path}:{node.lineno}"
        for path, tree in sources("server", "federation")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in DOORS
        and node.args
        and STATEMENT.match(ast.unparse(node.args[0]).strip("f'\"("))
    ]
    assert found == []


LONGEST_IN_PIECES = 3


def test_statement_of_four_lines_is_a_text_block() -> None:
    pieces = [
        str(call)
        for module in modules().values()
        for call in calls(module)
        if _lines(call.node.args[0]) > LONGEST_IN_PIECES and not _is_block(call.node.args[0])
    ]
    assert pieces == []


def _lines(text: ast.expr) -> int:
    return (text.end_lineno or text.lineno) - text.lineno + 1


def _is_block(text: ast.expr) -> bool:
    """Whether it says its line ends itself: pieces beside each other have none."""
    return "\\n" in ast.unparse(text) or "\n" in ast.unparse(text)
