"""The JSON-LD contexts that we send (always inline) and those that we know without fetching."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from federation.vocabulary.json_documents import Document

FOLDER = Path(__file__).parent / "contexts"
ACTIVITYSTREAMS = "https://www.w3.org/ns/activitystreams"

# Exactly these arrays are ever sent (wire/WIRE.md 1.1).
SENT: dict[str, list[Any]] = orjson.loads((FOLDER / "sent.json").read_bytes())

BUNDLED = {
    ACTIVITYSTREAMS: "activitystreams.json",
    "https://w3id.org/security/v1": "security-v1.json",
    "https://w3id.org/security/data-integrity/v2": "data-integrity-v2.json",
    "https://www.w3.org/ns/cid/v1": "cid-v1.json",
}


@lru_cache
def bundled(url: str) -> Document:
    """A context by its URL; one that we do not have is empty. Nothing is ever fetched."""
    name = BUNDLED.get(url)
    return orjson.loads((FOLDER / name).read_bytes()) if name else {"@context": {}}


def with_context(kind: str, document: Document) -> Document:
    """Put the context named `kind` before a document."""
    return {"@context": SENT[kind], **document}
