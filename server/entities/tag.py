"""Hashtags as `Tag`, and those that a profile shows as `FeaturedTag`."""

from collections.abc import Sequence

from federation.vocabulary import uris
from server.entities import shapes
from storage.engine.site import Site
from storage.engine.transaction import Reader
from storage.posts import hashtags
from storage.posts.visibility import Member, Viewer
from storage.reading import featured_hashtags, followed_tags
from storage.reading.featured_hashtags import Featured


def many(reader: Reader, viewer: Viewer, names: Sequence[str]) -> list[shapes.Tag]:
    """Tags by folded name, in the given order."""
    uses = hashtags.history(reader, viewer, names)
    mine = _own(reader, viewer, names)
    found: list[shapes.Tag] = []
    for name in names:
        tag: shapes.Tag = {
            "id": name,
            "name": name,
            "url": uris.tag_page(reader.site, name),
            "history": [
                {"day": str(use.day), "uses": str(use.uses), "accounts": str(use.accounts)}
                for use in uses[name]
            ],
        }
        if name in mine:
            tag["following"], tag["featuring"] = mine[name]
        found.append(tag)
    return found


def _own(reader: Reader, viewer: Viewer, names: Sequence[str]) -> dict[str, tuple[bool, bool]]:
    """(followed, featured), which only a member's token shows, by name."""
    if not isinstance(viewer, Member):
        return {}
    followed = followed_tags.among(reader, viewer.actor, names)
    shown = featured_hashtags.names(reader, viewer.actor)
    return {name: (name in followed, name in shown) for name in names}


def one(reader: Reader, viewer: Viewer, name: str) -> shapes.Tag:
    return many(reader, viewer, [name])[0]


def render_featured(site: Site, found: Featured) -> shapes.FeaturedTag:
    return {
        "id": str(found.id),
        "name": found.name,
        "url": uris.tag_page(site, found.name.casefold()),
        "statuses_count": str(found.posts),
        "last_status_at": found.newest.date().isoformat() if found.newest else None,
    }
