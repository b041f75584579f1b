"""Documents in our own form, read here and now; `vocabulary.reading` does it beside the loop."""

from federation.vocabulary.json_documents import Document
from federation.vocabulary.jsonld import is_plain
from federation.vocabulary.jsonld_worker import compact


def normalise(document: Document) -> Document:
    return document if is_plain(document) else compact(document)
