"""Hashtags as `Tag`, and those that a profile shows as `FeaturedTag`."""

from collections.abc import Sequence
from typing import Any

from federation.vocabulary import uris
from storage.engine.site import Site
from storage.engine.transaction import Reader
from storage.posts import hashtags
from storage.posts.visibility import Member, Viewer
from storage.reading import featured_hashtags, followed_tags
from storage.reading.featured_hashtags import Featured


def many(reader: Reader, viewer: Viewer, names: Sequence[str]) -> list[dict[str, Any]]:
    """Tags by folded name, in the given order."""
    uses = hashtags.history(reader, viewer, names)
    mine = _own(reader, viewer, names)
    return [
        {
            "id": name,
            "name": name,
            "url": uris.tag_page(reader.site, name),
            "history": [
                {"day": str(use.day), "uses": str(use.uses), "accounts": str(use.accounts)}
                for use in uses[name]
            ],
            **mine.get(name, {}),
        }
        for name in names
    ]


def _own(reader: Reader, viewer: Viewer, names: Sequence[str]) -> dict[str, dict[str, bool]]:
    """Members of a tag that only a member's token shows."""
    if not isinstance(viewer, Member):
        return {}
    followed = followed_tags.among(reader, viewer.actor, names)
    shown = featured_hashtags.names(reader, viewer.actor)
    return {name: {"following": name in followed, "featuring": name in shown} for name in names}


def one(reader: Reader, viewer: Viewer, name: str) -> dict[str, Any]:
    return many(reader, viewer, [name])[0]


def featured(site: Site, found: Featured) -> dict[str, Any]:
    return {
        "id": str(found.id),
        "name": found.name,
        "url": uris.tag_page(site, found.name.casefold()),
        "statuses_count": str(found.posts),
        "last_status_at": found.newest.date().isoformat() if found.newest else None,
    }
