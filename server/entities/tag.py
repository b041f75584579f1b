"""Hashtags as `Tag`."""

from typing import Any

from federation import uris
from storage import tags
from storage.units import Reader


def one(reader: Reader, name: str) -> dict[str, Any]:
    history = [
        {"day": str(use.day), "uses": str(use.uses), "accounts": str(use.accounts)}
        for use in tags.history(reader, name)
    ]
    return {
        "id": name,
        "name": name,
        "url": uris.tag_page(reader.here, name),
        "history": history,
    }
