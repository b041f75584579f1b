"""Docstrings open with a noun or a verb: what they speak of stands first, for whoever searches."""

import ast
import re
from collections.abc import Iterator

from tests.architecture.test_glossary import modules

# Pronouns, prepositions, conjunctions, adverbs: what stands before the noun or the verb.
BEFORE = set(
    "i it they he she we you those these this that who whom whose whoever whomever what whatever "
    "which whichever everything everybody everyone nobody nothing somebody something anybody "
    "anything one all none each both some others its their theirs of in on at by to for from with "
    "without after before between beside under over as if how why where when while once until "
    "since because so too than and or but neither either such same also even then again only not "
    "no likewise still yet about against within across upon per just mostly".split()
)


def docstrings() -> Iterator[tuple[str, str]]:
    for name, path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module):
                text = ast.get_docstring(node)
                if text:
                    yield f"{name}:{getattr(node, 'name', '')}", text


def test_docstrings_open_with_a_noun_or_a_verb() -> None:
    found = list(docstrings())
    print(f"{len(found)} docstrings")
    assert len(found) > 1000
    opened = {where: re.match(r"[`“(]?([A-Za-z]+)", text) for where, text in found}
    assert [where for where, word in opened.items() if word and word[1].lower() in BEFORE] == []
