"""`python -m federation.vocabulary.jsonld_worker`: strange contexts, in a process to kill.

A line of JSON in, a line of JSON out: the document as our aliases have it, or null where it cannot
be read. JSON-LD takes time that no limit on bytes foretells (PERFORMANCE), so it never runs where
others wait. Nothing is fetched: `contexts` has what we know, and others are empty.
"""

import os
import resource
import sys
from contextlib import suppress
from typing import Any

import orjson
from pyld import jsonld

from federation.errors import Malformed
from federation.vocabulary.contexts import ACTIVITYSTREAMS, SENT, bundled
from federation.vocabulary.json_documents import Document, refuse_structures
from federation.vocabulary.jsonld import names_ours

MOST_MEMORY = 512 * 1024 * 1024  # bytes of address space


def compact(document: Document) -> Document:
    """The document with our aliases in place of its own. Raises Malformed."""
    stated = document.get("@context")
    parts = stated if isinstance(stated, list) else [stated]
    if not names_ours(parts):
        parts = [ACTIVITYSTREAMS, *parts]  # it applies all the same (AS2 Core §2.1)
    try:
        options = {"documentLoader": _load, "compactArrays": True}
        whole = {**document, "@context": parts}
        found: dict[str, Any] = jsonld.compact(whole, {"@context": SENT["actor"]}, options)
    except Exception as error:  # pyld raises many kinds, and none of them is ours to retry
        raise Malformed("The document’s JSON-LD cannot be read.") from error
    refuse_structures(found)
    return found


def _load(url: str, _options: dict[str, Any]) -> Document:
    return {
        "contextUrl": None,
        "documentUrl": url,
        "contentType": "application/ld+json",
        "document": bundled(url),
    }


def answer(line: bytes) -> bytes:
    """Answer to a line, without the line end."""
    try:
        return orjson.dumps(compact(orjson.loads(line)))
    except (Malformed, orjson.JSONDecodeError, orjson.JSONEncodeError, MemoryError, RecursionError):
        return b"null"


def confine() -> None:
    """Give way to the server, in time and in memory; open nothing from here on."""
    with suppress(OSError):
        os.nice(10)
    for what, most in ((resource.RLIMIT_AS, MOST_MEMORY), (resource.RLIMIT_CORE, 0)):
        _, allowed = resource.getrlimit(what)
        least = most if allowed == resource.RLIM_INFINITY else min(most, allowed)
        resource.setrlimit(what, (least, allowed))
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))


def main() -> None:
    compact({"@context": {"x": "https://x.example/"}, "x:y": 1})  # loads what is loaded late
    confine()
    sys.stdout.buffer.write(b"ready\n")
    sys.stdout.buffer.flush()
    for line in sys.stdin.buffer:
        sys.stdout.buffer.write(answer(line) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
