"""Numbers of accounts and posts have types of their own wherever they travel (ActorId, PostId)."""

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.test_glossary import modules

ACTORS = set(
    "account accounts actor actors author authors booster follower followers invited_by me member "
    "members moderator other others owner owners people reporter sponsor user viewer".split()
)
POSTS = set("in_reply_to post posts quoted quoting root".split())
NUMBERS = ("int", "int | None")
OTHERWISE = {
    ("storage.people.account_counts", "AccountCounts", "posts"),  # how many
    ("storage.people.account_counts", "AccountCounts", "followers"),
    ("storage.posts.idempotency", "keep", "post"),  # or of a post for later, in one column
}


def numbers_of(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Names of parameters and fields that are plain numbers, or many of them, by function."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                arguments = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
                found = [(one.arg, one.annotation) for one in arguments]
            case ast.ClassDef():
                fields = [one for one in node.body if isinstance(one, ast.AnnAssign)]
                found = [(ast.unparse(one.target), one.annotation) for one in fields]
            case _:
                continue
        for name, kind in found:
            if kind is not None and _is_plain(ast.unparse(kind)):
                yield node.name, name


def _is_plain(kind: str) -> bool:
    inside = kind.partition("[")[2].rpartition("]")[0] if "[int" in kind else kind
    return inside.removesuffix(", ...") in NUMBERS


def test_parameters_and_fields_say_whose_number_it_is() -> None:
    found = {
        (module, function, name)
        for module, path in modules()
        for function, name in numbers_of(ast.parse(path.read_text()))
    }
    print(f"{len(found)} plain numbers")
    assert len(found) > 300
    assert {one for one in found if one[2] in ACTORS | POSTS} == OTHERWISE


@pytest.mark.parametrize(
    ("kind", "plain"),
    [
        ("int", True),
        ("int | None", True),
        ("Iterable[int]", True),
        ("tuple[int, ...]", True),
        ("ActorId", False),
        ("Iterable[ActorId]", False),
        ("dict[str, int]", False),
    ],
)
def test_plain_numbers_are_told_from_others(kind: str, plain: bool) -> None:
    assert _is_plain(kind) is plain
