"""What newer Pythons have taken away, or will: none of it is used, though an older one has it all.

The lists are from "What's New In Python 3.12" to "3.14": their parts "Removed", "Deprecated" and
"Pending removal". What else they changed shows when the tests run on them (`.ci/run`).
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("server", "federation", "storage", "tests")

# 3.12 and PEP 594 (3.13).
MODULES = """
asynchat asyncore distutils imp smtpd
aifc audioop cgi cgitb chunk crypt imghdr lib2to3 mailcap msilib nis nntplib ossaudiodev pipes
sndhdr spwd sunau telnetlib uu xdrlib
sre_compile sre_constants sre_parse
""".split()

# 3.14: removed.
NAMES = """
ast.Bytes ast.Ellipsis ast.NameConstant ast.Num ast.Str
asyncio.get_child_watcher asyncio.set_child_watcher asyncio.PidfdChildWatcher
asyncio.ThreadedChildWatcher asyncio.SafeChildWatcher asyncio.FastChildWatcher
asyncio.MultiLoopChildWatcher asyncio.AbstractChildWatcher
importlib.abc.ResourceReader importlib.abc.Traversable importlib.abc.TraversableResources
pkgutil.find_loader pkgutil.get_loader pty.master_open pty.slave_open
sqlite3.version sqlite3.version_info
urllib.parse.Quoter urllib.request.URLopener urllib.request.FancyURLopener
""".split()

# Deprecated by then, which is an error for the tests; `get_event_loop` makes no loop any more.
NAMES += """
argparse.FileType asyncio.get_event_loop asyncio.iscoroutinefunction
asyncio.get_event_loop_policy asyncio.set_event_loop_policy asyncio.DefaultEventLoopPolicy
asyncio.AbstractEventLoopPolicy codecs.open collections.abc.ByteString typing.ByteString
datetime.datetime.utcnow datetime.datetime.utcfromtimestamp inspect.getargspec
locale.getdefaultlocale logging.warn shutil.ExecError ssl.wrap_socket ssl.match_hostname
ssl.PROTOCOL_TLS ssl.PROTOCOL_TLSv1 ssl.PROTOCOL_TLSv1_1 ssl.PROTOCOL_TLSv1_2
typing.Text typing.no_type_check_decorator
""".split()

# Attributes of anything: what `ast.Constant` had, methods of its visitors that are not called, and
# annotations, which 3.14 makes when somebody asks (PEP 649).
ATTRIBUTES = {"__annotations__", "co_lnotab", "utcnow", "utcfromtimestamp", "notifyAll", "isSet"}
METHODS = {"visit_Num", "visit_Str", "visit_Bytes", "visit_NameConstant", "visit_Ellipsis"}
ARGUMENTS = {("rmtree", "onerror"), ("localtime", "isdst")}

Leaving = ast.Return | ast.Break | ast.Continue
Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef


def imported(tree: ast.Module) -> dict[str, str]:
    """What the module calls it → what it is."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                names[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {
                alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names
            }
    return names


def dotted(node: ast.expr, names: dict[str, str]) -> str:
    match node:
        case ast.Attribute(value=value, attr=attribute):
            return f"{dotted(value, names)}.{attribute}"
        case ast.Name(id=name):
            return names.get(name, "")
        case _:
            return ""


def leaves(body: list[ast.stmt], *, in_loop: bool = False) -> bool:
    """Whether it returns, or goes on with a loop that stands around it."""
    for node in body:
        if isinstance(node, ast.Return) or (isinstance(node, Leaving) and not in_loop):
            return True
        if isinstance(node, Scope):
            continue
        inside = in_loop or isinstance(node, ast.For | ast.While | ast.AsyncFor)
        if leaves([one for one in ast.iter_child_nodes(node) if _holds(one)], in_loop=inside):  # type: ignore[misc]
            return True
    return False


def _holds(node: ast.AST) -> bool:
    return isinstance(node, ast.stmt | ast.excepthandler | ast.match_case)


def faults(tree: ast.Module) -> Iterator[tuple[int, str]]:
    names = imported(tree)
    for given in names.values():
        if given in NAMES or given.partition(".")[0] in MODULES:
            yield 0, given
    for node in ast.walk(tree):
        if fault := _fault(node, names):
            yield getattr(node, "lineno", 0), fault


def _fault(node: ast.AST, names: dict[str, str]) -> str:
    match node:
        case ast.Attribute(attr=name):
            whole = dotted(node, names)
            return whole or name if whole in NAMES or name in ATTRIBUTES else ""
        case ast.FunctionDef(name=name):
            return name if name in METHODS else ""
        case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name), keywords=given):
            return name if any((name, one.arg) in ARGUMENTS for one in given) else ""
        case ast.Try(finalbody=body):
            return "leaving a finally (PEP 765)" if leaves(body) else ""
        case ast.ClassDef(body=body):
            partials = any(_is_partial(one, names) for one in body)
            return "a partial in a class, which 3.14 makes a method" if partials else ""
        case _:
            return ""


def _is_partial(node: ast.stmt, names: dict[str, str]) -> bool:
    value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
    return isinstance(value, ast.Call) and dotted(value.func, names) == "functools.partial"


def test_imports_are_there_in_newer_pythons() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {what}"
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if "node_modules" not in path.parts
        for line, what in faults(ast.parse(path.read_text()))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("source", "sound"),
    [
        ("import ast\nast.Constant", True),
        ("import ast\nast.Str", False),
        ("import ast as tree\ntree.Num", False),
        ("from ast import Str", False),
        ("import cgi", False),
        ("from distutils.version import LooseVersion", False),
        ("import asyncio\nasyncio.get_event_loop()", False),
        ("import asyncio\nasyncio.get_running_loop()", True),
        ("from inspect import iscoroutinefunction", True),
        ("import asyncio\nasyncio.iscoroutinefunction(f)", False),
        ("from datetime import datetime\ndatetime.utcnow()", False),
        ("import importlib.abc\nimportlib.abc.Traversable", False),
        ("import sqlite3\nsqlite3.sqlite_version", True),
        ("import sqlite3\nsqlite3.version", False),
        ("thing.__annotations__", False),
        ("class V:\n    def visit_Str(self, node): pass", False),
        ("shutil.rmtree(path, onerror=print)", False),
        ("shutil.rmtree(path, ignore_errors=True)", True),
        ("def f():\n    try: g()\n    finally:\n        return 1", False),
        ("def f():\n    try: g()\n    finally:\n        with h: return 1", False),
        ("for x in y:\n    try: g()\n    finally:\n        break", False),
        ("try: g()\nfinally:\n    for x in y:\n        if x: break", True),
        ("try: g()\nfinally:\n    def f(): return 1", True),
        ("from functools import partial\nclass C:\n    door = partial(print, 1)", False),
        ("from functools import partial\ndoor = partial(print, 1)", True),
    ],
)
def test_rule_knows_what_is_gone(source: str, sound: bool) -> None:
    assert (list(faults(ast.parse(source))) == []) is sound
