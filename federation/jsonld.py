"""Documents of others in the one form that we read: plain JSON with our fixed aliases.

Nearly every document has it already. Only one whose context renames what we rely on goes through
pyld, with bundled contexts (SECURITY 21: no context is ever fetched, no structure of JSON-LD that
says more than it shows is accepted).
"""

from collections.abc import Mapping
from typing import Any

from federation.contexts import ACTIVITYSTREAMS, SENT, bundled
from federation.documents import Document, refuse_structures
from federation.errors import Malformed

# Terms by which authority, audience and content are read: nobody may give them another meaning.
RELIED_ON = frozenset(
    (
        "id type actor object target attributedTo to cc bto bcc audience content name summary"
        " inReplyTo tag href inbox outbox followers following endpoints sharedInbox publicKey"
        " publicKeyPem owner preferredUsername url published updated items orderedItems"
    ).split()
)
_HARMLESS = frozenset(("id", "type"))


def normalise(document: Document) -> Document:
    """Return the document as our aliases have it. Raises Malformed."""
    refuse_structures(document)
    if _is_plain(document.get("@context")):
        return document
    return _compacted(document)


def _is_plain(context: object) -> bool:
    """Also without any context: then the normative one applies (AS2 Core §2.1)."""
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


def _load(url: str, _options: dict[str, Any]) -> dict[str, Any]:
    return {
        "contextUrl": None,
        "documentUrl": url,
        "contentType": "application/ld+json",
        "document": bundled(url),
    }


def _compacted(document: Document) -> Document:
    stated = document.get("@context")
    parts = stated if isinstance(stated, list) else [stated]
    if not _names_ours(parts):
        parts = [ACTIVITYSTREAMS, *parts]  # it applies all the same (AS2 Core §2.1)
    from pyld import jsonld  # 11 MB, for documents with odd contexts only

    try:
        options = {"documentLoader": _load, "compactArrays": True}
        whole = {**document, "@context": parts}
        found: dict[str, Any] = jsonld.compact(whole, {"@context": SENT["actor"]}, options)
    except Exception as error:  # pyld raises many kinds, and none of them is ours to retry
        raise Malformed("The document’s JSON-LD cannot be read.") from error
    refuse_structures(found)
    return found
