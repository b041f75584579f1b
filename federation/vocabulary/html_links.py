"""Links that pages and host-meta files say about themselves; only the beginning is read."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from html.parser import HTMLParser
from urllib.parse import urljoin

from federation.transport.media_types import is_activity, parse_media_type

READ = 64 * 1024  # bytes; heads of pages end before


class _Links(HTMLParser):
    """Reader of `<link>` elements, in HTML and in XRD (names come in lower case)."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Mapping[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "link":
            self.found.append({name: value or "" for name, value in attrs})


def document_of(page: bytes, url: str) -> str:
    """Address of the ActivityPub document that a page at `url` says it shows; '' when none."""
    for link in _links(page, "alternate"):
        if link.get("href") and is_activity(parse_media_type(link.get("type"))):
            return _join(url, link["href"].strip())
    return ""


def lrdd_template(host_meta: bytes) -> str:
    """Template of WebFinger addresses, with `{uri}` in it (RFC 6415 §3); '' when none."""
    templates = (link.get("template", "") for link in _links(host_meta, "lrdd"))
    return next((one for one in templates if "{uri}" in one), "")


def _links(text: bytes, relation: str) -> Iterator[Mapping[str, str]]:
    reader = _Links()
    with suppress(AssertionError):  # its word for marked sections that are broken
        reader.feed(text[:READ].decode(errors="replace"))
    return (link for link in reader.found if relation in link.get("rel", "").lower().split())


def _join(url: str, href: str) -> str:
    try:
        return urljoin(url, href)
    except ValueError:
        return ""
