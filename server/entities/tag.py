"""Hashtags as `Tag`."""

from typing import Any

from federation import uris
from storage import tags
from storage.units import Reader
from storage.visibility import Viewer


def one(reader: Reader, viewer: Viewer, name: str) -> dict[str, Any]:
    history = [
        {"day": str(use.day), "uses": str(use.uses), "accounts": str(use.accounts)}
        for use in tags.history(reader, viewer, name)
    ]
    return {
        "id": name,
        "name": name,
        "url": uris.tag_page(reader.here, name),
        "history": history,
    }
