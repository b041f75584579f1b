"""Functions are called verb + noun (find_many, record_failure), and not by what came of them."""

import ast
from collections.abc import Iterator

from tests.architecture.test_glossary import modules

IRREGULAR = set(
    "begun bought bound brought built caught chosen cut done drawn found given gone grown heard "
    "held hidden kept known left lent lost made meant met said seen sent shown sought spent spoken "
    "taken thought told won written".split()
)
# What ends like a participle and is a noun, a verb or the word of a standard.
NO_PARTICIPLES = {"embedded", "extended", "feed", "heed", "named", "need", "seed", "shared", "shed"}
NO_PARTICIPLES |= {"bundled", "derived"}


def functions() -> Iterator[tuple[str, str]]:
    """Functions and methods that are no properties, by module."""
    for module, path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                decorators = " ".join(map(ast.unparse, node.decorator_list))
                if "property" not in decorators:
                    yield module, node.name


def is_participle(name: str) -> bool:
    """Tell whether the name is one, or one with a preposition: said, said_by."""
    first, _, rest = name.strip("_").partition("_")
    alone = not rest or rest in ("as", "at", "by", "from", "in", "of", "to")
    return alone and (first in IRREGULAR or (first.endswith("ed") and first not in NO_PARTICIPLES))


OTHERWISE = {
    ("server.activitypub.documents", "featured"),  # a collection of that name (AS2)
    ("server.entities.account", "_moved_to"),  # a member of that name (Mastodon, AS2: movedTo)
    ("storage.posts.polls", "fetched_at"),  # a column
}


def test_functions_are_called_by_what_they_do() -> None:
    found = set(functions())
    print(f"{len(found)} functions")
    assert len(found) > 2000
    assert {one for one in found if is_participle(one[1])} == OTHERWISE
