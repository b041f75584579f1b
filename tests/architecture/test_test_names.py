"""Names of tests begin with their subject, so that `pytest -k mute` finds the tests of mutes."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
TEST = re.compile(r"^\s*(?:async )?def test_([a-z0-9]+)(\w*)\(", re.MULTILINE)

# Articles, pronouns, prepositions and the like: what stands before a subject.
BEFORE = set(
    "a an the who whom whose what which where when whoever whatever somebody someone nobody "
    "everybody anybody one ones it its they them their he she we us our you your other others "
    "another each every all both no none not nothing everything anything something some any many "
    "more most few of in on at by to for from with without after before between beside under over "
    "as if how why that this these those there here only also even then again once until while "
    "since because so too than and or but neither either such same own two three four five six "
    "seven eight nine ten".split()
)
# Words that the field has other words for (docs/glossary.md).
OTHERWISE = re.compile(r"_(letters?|wish(es)?|offices?|desk|sharers?|tall(y|ies)|glance)(_|$)")


def names() -> list[tuple[str, str]]:
    """First words of tests, with their whole names."""
    return [
        (found[1], found[1] + found[2])
        for path in sorted(TESTS.rglob("test_*.py"))
        for found in TEST.finditer(path.read_text())
    ]


def test_names_of_tests_begin_with_their_subject() -> None:
    found = names()
    print(f"{len(found)} tests")
    assert len(found) > 1000
    assert [name for first, name in found if first in BEFORE] == []


def test_names_of_tests_have_the_words_of_the_glossary() -> None:
    meant = {"blurhash_has_its_letters_and_its_length"}  # of the alphabet
    meant |= {"key_asked_for_in_other_letters_is_learned_all_the_same"}
    assert {name for _, name in names() if OTHERWISE.search(name)} == meant
