"""Documents of others in the one form that we read: plain JSON with our fixed aliases.

Nearly every document has it already. Only one whose context renames what we rely on goes through
`jsonld_worker`, a process apart (SECURITY 21: no context is ever fetched, no structure of JSON-LD
that says more than it shows is accepted).
"""

from collections.abc import Mapping
from typing import Any

from federation.vocabulary.contexts import ACTIVITYSTREAMS
from federation.vocabulary.json_documents import Document, refuse_structures

# Terms by which authority, audience and content are read: nobody may give them another meaning.
RELIED_ON = frozenset(
    (
        "id type actor object target attributedTo to cc bto bcc audience content name summary"
        " inReplyTo tag href inbox outbox followers following endpoints sharedInbox publicKey"
        " publicKeyPem owner preferredUsername url published updated items orderedItems"
    ).split()
)
_HARMLESS = frozenset(("id", "type"))


def is_plain(document: Document) -> bool:
    """Whether its words mean what they look like: then it needs no JSON-LD (`reading`).

    Raises Malformed for structures that say more than they show.
    """
    refuse_structures(document)
    return _is_plain(document.get("@context"))


def names_ours(context: object) -> bool:
    """Whether the normative context is among these."""
    return _names_ours(context if isinstance(context, list) else [context])


def _is_plain(context: object) -> bool:
    """Tell whether it is plain, also without any context: then AS2's applies (AS2 Core §2.1)."""
    if context is None:
        return True
    parts = context if isinstance(context, list) else [context]
    inline = [part for part in parts if isinstance(part, Mapping)]
    odd = any(not isinstance(part, str | Mapping) for part in parts)  # null: all that was is void
    return _names_ours(parts) and not odd and not any(_redefines(part) for part in inline)


def _names_ours(parts: list[Any]) -> bool:
    named = [part for part in parts if isinstance(part, str)]
    return any(part.rstrip("#").replace("http:", "https:") == ACTIVITYSTREAMS for part in named)


def _redefines(context: Mapping[str, Any]) -> bool:
    if "@base" in context or ("@vocab" in context and not _is_ours(context["@vocab"])):
        return True
    if any(_is_structure(meaning) for meaning in context.values()):
        return True
    return any(
        term in RELIED_ON and not _means_the_same(term, meaning)
        for term, meaning in context.items()
    )


def _is_structure(meaning: object) -> bool:
    """An alias of a keyword that says more than it shows."""
    if isinstance(meaning, Mapping):
        return "@reverse" in meaning or _is_structure(meaning.get("@id"))
    return isinstance(meaning, str) and meaning.startswith("@") and meaning not in ("@id", "@type")


def _is_ours(vocabulary: object) -> bool:
    return isinstance(vocabulary, str) and vocabulary.startswith((f"{ACTIVITYSTREAMS}", "_:"))


def _means_the_same(term: str, meaning: object) -> bool:
    iri = meaning.get("@id") if isinstance(meaning, Mapping) else meaning
    if term in _HARMLESS and iri in ("@id", "@type"):
        return True
    return isinstance(iri, str) and iri in (
        f"as:{term}",
        f"{ACTIVITYSTREAMS}#{term}",
        f"sec:{term}",
        f"https://w3id.org/security#{term}",
        f"ldp:{term}",
        f"http://www.w3.org/ns/ldp#{term}",
    )
