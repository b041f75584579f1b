"""Addresses of ours as anybody may write them, and the URI of what each means.

A member has a URI (`/actors/7`) and a page (`/@alice`), a post as well (`/posts/9`, `/@alice/9`).
Others name them by either: in mentions, follows, answers, in a search. This is the one translation;
the edge uses it once (`processing`, `resolver`, WebFinger, search), and everything behind it knows
URIs only.
"""

import re
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from federation.vocabulary import uris
from federation.vocabulary.json_documents import Document
from storage.engine.site import Site
from storage.engine.transaction import Reader
from storage.people import actors

LONGEST = 2_048

# Fields that name things, but who speaks: texts, pages and the speaker stay as they are.
NAMING = frozenset(
    "object target inReplyTo to cc bto bcc audience href quote quoteUri quoteUrl _misskey_quote "
    "instrument origin tag items orderedItems".split()
)
_PERSON = re.compile(r"/(?:@|users/|u/)([^/@]+)(?:@([^/]+))?(?:/(?:statuses/)?([0-9]{1,19}))?")
_NUMBERED = re.compile(r"/(actors|posts)/([0-9]{1,19})")


def find_uri(reader: Reader, address: str) -> str | None:
    """URI of the member or the post of ours that an address means; None where it means neither.

    Whether a post is there, and who may see it, is asked where it is read.
    """
    path = _path(reader.site, address)
    if path is None:
        return None
    if numbered := _NUMBERED.fullmatch(path):
        return f"{reader.site.origin}{numbered[0]}"
    named = _PERSON.fullmatch(path)
    if named is None or (named[2] or reader.site.domain).lower() != reader.site.domain.lower():
        return None
    if named[3]:
        return uris.post(reader.site, int(named[3]))
    member = actors.by_handle(reader, named[1])
    return member.uri if member is not None and member.is_local else None


def _path(site: Site, address: str) -> str | None:
    """Path of an address of ours, without a slash at its end; None for whatever is not ours."""
    if len(address) > LONGEST or not address[:8].lower().startswith(("http://", "https://")):
        return None
    try:
        found = urlsplit(address)
        authority = found.netloc.lower()
    except ValueError:
        return None
    if authority not in _authorities(site):
        return None
    return unquote(found.path).rstrip("/")


def _authorities(site: Site) -> tuple[str, ...]:
    port = {"https": ":443", "http": ":80"}[site.scheme]
    return site.web_domain.lower(), site.web_domain.lower() + port


def translate(reader: Reader, document: Document) -> Document:
    """Document with the URI in place of each other address of ours, where something is named."""
    return {
        name: _translate(reader, value) if name in NAMING else value
        for name, value in document.items()
    }


def _translate(reader: Reader, value: object) -> object:
    if isinstance(value, str):
        is_ours = reader.site.web_domain.lower() in value.lower()
        return (find_uri(reader, value) if is_ours else None) or value
    if isinstance(value, list):
        return [_translate(reader, one) for one in value]
    if isinstance(value, Mapping):
        return translate(reader, value)
    return value


def may_name_ours(site: Site, body: bytes) -> bool:
    """Tell cheaply whether a document could hold an address of ours that is not the URI itself."""
    return site.web_domain.lower().encode() in body.lower()
