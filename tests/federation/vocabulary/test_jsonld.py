"""JSON-LD: read by our aliases, never fetched, and never something else than it shows."""

from collections.abc import Iterator
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyld import jsonld as pyld

from federation.errors import Malformed
from federation.vocabulary.contexts import BUNDLED, SENT, bundled
from tests.federation.world import AS, SECURITY
from tests.support.reading import normalise

LIKE: dict[str, Any] = {
    "id": "https://away.example/likes/1",
    "type": "Like",
    "actor": "https://away.example/users/bob",
    "object": "https://home.example/posts/1",
}
MASTODON = {
    "toot": "http://joinmastodon.org/ns#",
    "featured": {"@id": "toot:featured", "@type": "@id"},
    "Hashtag": "as:Hashtag",
    "sensitive": "as:sensitive",
    "id": "@id",
    "type": "@type",
    "inbox": "ldp:inbox",
}


@pytest.fixture(autouse=True)
def no_fetching(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What pyld would fetch by itself is noted, and fails."""
    asked: list[str] = []

    def fetch(url: str, _options: object) -> NoReturn:
        asked.append(url)
        raise AssertionError(f"{url} was to be fetched")

    monkeypatch.setattr(pyld, "_default_document_loader", fetch)
    yield asked
    assert asked == []


PLAIN = [
    None,
    AS,
    f"{AS}#",
    AS.replace("https", "http"),
    [AS],
    [AS, SECURITY],
    ["https://nobody.example/context", AS],
    [AS, MASTODON],
    [AS, {"@language": "und"}],
    [AS, {"@vocab": "_:"}],
    [AS, "https://purl.archive.org/socialweb/webfinger"],
    *SENT.values(),
]


@pytest.mark.parametrize("context", PLAIN)
def test_document_with_our_meaning_is_left_as_it_is(context: object) -> None:
    document = LIKE if context is None else {"@context": context, **LIKE}
    assert normalise(document) is document


SWAPPED = {
    "actor": {"@id": "as:object", "@type": "@id"},
    "object": {"@id": "as:actor", "@type": "@id"},
}
OTHERWISE: list[tuple[dict[str, Any], dict[str, Any]]] = [
    # (document, what of it we read)
    (
        {
            "@context": {"as": f"{AS}#", "does": "as:actor", "what": "as:object"},
            "@id": LIKE["id"],
            "@type": "as:Like",
            "does": {"@id": LIKE["actor"]},
            "what": {"@id": LIKE["object"]},
        },
        LIKE,
    ),
    (
        {"@context": [AS, SWAPPED], **LIKE},
        {"actor": LIKE["object"], "object": LIKE["actor"]},
    ),
    (
        {"@context": [AS, {"actor": "https://nobody.example/ns#x"}], **LIKE},
        {"actor": None, "object": LIKE["object"]},
    ),
    ({"@context": [AS, {"to": "as:bto"}], **LIKE, "to": "https://a.example/"}, {"to": None}),
    ({"@context": ["https://nobody.example/context"], **LIKE}, LIKE),
    ({"@context": {"x": "https://nobody.example/ns#"}, **LIKE}, LIKE),
]


@pytest.mark.parametrize(("document", "expected"), OTHERWISE)
def test_document_that_means_something_else_is_read_as_it_means(
    document: dict[str, Any], expected: dict[str, Any]
) -> None:
    """Never as the words look, when its context gives them another meaning."""
    found = normalise(document)
    assert {name: found.get(name) for name in expected} == expected


REFUSED: list[dict[str, Any]] = [
    {"@context": AS, **LIKE, "@graph": [LIKE]},
    {"@context": AS, **LIKE, "@included": [LIKE]},
    {"@context": AS, **LIKE, "@reverse": {"actor": LIKE}},
    {"@context": AS, **LIKE, "object": {"id": "x", "@graph": []}},
    {"@context": AS, **LIKE, "tag": [[{"a": {"@included": 1}}]]},
    {"@context": [AS, {"all": "@graph"}], **LIKE, "all": [LIKE]},
    {"@context": [AS, {"more": "@included"}], **LIKE, "more": [LIKE]},
    {"@context": [AS, {"likes": {"@reverse": "as:object"}}], **LIKE, "likes": LIKE},
    {"@context": [AS, {"@context": {"@vocab": "https://x.example/"}}, 7], **LIKE},
    {"@context": 7, **LIKE},
    {"@context": [AS, 7], **LIKE},
    {"@context": {"actor": 7}, **LIKE},
    {"@context": [[[AS]]], **LIKE, "@type": 7},
]


@pytest.mark.parametrize("document", REFUSED)
def test_document_that_says_more_than_it_shows_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        normalise(document)


def test_contexts_that_we_do_not_have_are_empty() -> None:
    assert bundled("https://nobody.example/context") == {"@context": {}}
    for url in BUNDLED:
        assert bundled(url)["@context"], url


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from([AS, "@id", "@graph", "@reverse", "as:actor", "https://x.example/ns#"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["@id", "@type", "@vocab", "@base", "@context", "actor", "object", "a"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(JSON)
def test_context_of_any_kind_is_read_or_refused(context: object) -> None:
    try:
        found = normalise({"@context": context, **LIKE})
    except Malformed:
        return
    assert isinstance(found, dict)
