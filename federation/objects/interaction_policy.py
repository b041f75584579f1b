"""Policy of who may answer, favourite, boost, quote: `interactionPolicy` (GoToSocial, FEP-044f)."""

from collections.abc import Mapping
from dataclasses import dataclass

from federation.vocabulary.json_documents import Document, uris_of
from federation.vocabulary.uris import PUBLIC, PUBLIC_ALIASES

KINDS = ("public", "followers", "nobody")
_TERMS = {"reply": "canReply", "like": "canLike", "announce": "canAnnounce", "quote": "canQuote"}
_WAYS = ("automaticApproval", "manualApproval", "always", "approvalRequired")


@dataclass(frozen=True, slots=True)
class InteractionPolicy:
    """Audience of each kind of interaction, one of KINDS; `nobody` is the author alone."""

    reply: str = "public"
    like: str = "public"
    announce: str = "public"
    quote: str = "public"


OPEN = InteractionPolicy()


def parse(document: Document, author: str) -> InteractionPolicy:
    """Read what another's post allows. What it does not speak of is open to all.

    Who needs the author's consent may ask for it, and asks by doing it. What cannot be read is
    narrow, not open (SECURITY 95).
    """
    stated = _one(document.get("interactionPolicy"))
    if stated is None:
        return OPEN
    if not isinstance(stated, Mapping):
        return InteractionPolicy(*("nobody" for _ in _TERMS))
    return InteractionPolicy(*(_kind(_one(stated.get(term)), author) for term in _TERMS.values()))


def _one(value: object) -> object:
    """Unwrap a list of one, as if the value stood by itself; an empty one says nothing."""
    if isinstance(value, list) and len(value) < 2:
        return value[0] if value else None
    return value


def _kind(rule: object, author: str) -> str:
    if rule is None:
        return "public"
    if not isinstance(rule, Mapping):
        return "nobody"
    allowed = {uri for way in _WAYS for uri in uris_of(rule.get(way))}
    if allowed & PUBLIC_ALIASES:
        return "public"
    beyond = allowed - {author}
    return "followers" if any(uri.endswith("/followers") for uri in beyond) else "nobody"


def render(policies: InteractionPolicy, author: str, followers: str) -> Document:
    """Render what is not open to all, and who may quote: unsaid, nobody may (FEP-044f)."""
    allowed = {"public": PUBLIC, "followers": followers, "nobody": author}
    return {
        term: {"automaticApproval": [allowed[kind]]}
        for deed, term in _TERMS.items()
        if (kind := getattr(policies, deed)) != "public" or deed == "quote"
    }
