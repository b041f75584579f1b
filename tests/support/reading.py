"""Documents in our own form, read here and now as `federation.reading` does it beside the loop."""

from federation.documents import Document
from federation.jsonld import is_plain
from federation.jsonld_worker import compacted


def normalise(document: Document) -> Document:
    return document if is_plain(document) else compacted(document)
