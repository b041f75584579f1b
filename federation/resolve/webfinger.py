"""WebFinger (RFC 7033): a handle to an actor's URI, as one reads it in a JRD."""

from urllib.parse import quote

from federation.errors import Malformed
from federation.transport.media_types import is_activity, parse_media_type
from federation.transport.urls import server_name
from federation.vocabulary.html_links import lrdd_template
from federation.vocabulary.json_documents import Document


def address(scheme: str, domain: str, resource: str) -> str:
    """Address at which to ask a domain about a resource."""
    return f"{scheme}://{domain}/.well-known/webfinger?resource={quote(resource, safe=':@')}"


def host_meta_address(scheme: str, domain: str) -> str:
    """Address at which a domain may say who answers for it (RFC 6415 §2)."""
    return f"{scheme}://{domain}/.well-known/host-meta"


def fill_template(host_meta: bytes, resource: str) -> str:
    """The address that a host-meta file names for a resource; '' when it names none."""
    return lrdd_template(host_meta).replace("{uri}", quote(resource, safe=""))


def actor_in(document: Document) -> str:
    """The URI of the actor (`self`). Raises Malformed."""
    links = document.get("links")
    for link in links if isinstance(links, list) else ():
        if not isinstance(link, dict) or link.get("rel") != "self":
            continue
        href = link.get("href")
        if isinstance(href, str) and is_activity(parse_media_type(link.get("type"))):
            return href
    raise Malformed("The other server does not say where that account is.")


def subject_in(document: Document) -> tuple[str, str]:
    """Name and domain that the document is about. Raises Malformed."""
    subject = document.get("subject")
    if not isinstance(subject, str):
        raise Malformed("The other server’s answer names nobody.")
    return split_handle(subject.removeprefix("acct:"))


def typed_handle(text: str) -> str:
    """Handle or address as people paste it, without `acct:`, angle brackets and blanks."""
    bare = text.strip().removeprefix("<").removesuffix(">").strip()
    return bare[5:] if bare[:5].lower() == "acct:" else bare


def split_handle(handle: str) -> tuple[str, str]:
    """`alice@home.example` (a leading @ allowed) as name and domain, in lower case and ASCII."""
    name, at, domain = handle.strip().removeprefix("@").rpartition("@")
    if not at or not name or not domain or "/" in handle or len(handle) > 400:
        raise Malformed("A handle looks like @name@server.")
    return name, server_name(domain)
