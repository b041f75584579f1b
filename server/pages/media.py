"""Pictures on posts, and emoji in what people say, as pages show them: from our own address."""

from collections.abc import Iterable, Mapping, Sequence
from math import sqrt

from federation.transport.urls import host_of
from federation.vocabulary import media_urls
from federation.vocabulary.media_urls import Kind, Pass
from server.entities import emoji as emoji_entity
from server.entities.media import AREA_OF_PREVIEW
from server.pages.views import Picture
from storage.engine.ids import PostId
from storage.engine.site import Site
from storage.engine.transaction import Reader
from storage.media import attachments
from storage.media.attachments import Media
from storage.media.emojis import Emoji
from storage.people.actors import Actor
from storage.posts.visibility import Viewer
from storage.posts.visible_posts import Post

Emojis = Mapping[str, str]
"""shortcode → path of its picture, one that does not move"""


def of_posts(
    reader: Reader, viewer: Viewer, posts: Iterable[Post]
) -> dict[PostId, tuple[Picture, ...]]:
    """Pictures by the number of posts that this viewer may see."""
    open_ = {post.id: post.kind == "public" and not post.local_only for post in posts}
    given = media_urls.pass_for(viewer, reader.now)
    return {
        id_: tuple(_picture(reader.site, row, None if open_[id_] else given) for row in rows)
        for id_, rows in attachments.of_posts(reader, open_).items()
        if open_[id_] or given is not None
    }


def _picture(site: Site, row: Media, given: Pass | None) -> Picture:
    if row.file is None and row.type != "image":
        kind = row.type if row.type in ("video", "audio") else "other"
        url = row.remote_url or ""
        return Picture(url, url, kind, row.description)  # type: ignore[arg-type]
    original, small = _paths(site, row, given)
    return Picture(original, small, "image", row.description, *_size(row))


def _paths(site: Site, row: Media, given: Pass | None) -> tuple[str, str]:
    if row.file is None:
        return _elsewhere(site, row, "original", given), _elsewhere(site, row, "small", given)
    files = (row.file, row.preview or row.file)
    if given is None:
        return f"/media/{files[0]}", f"/media/{files[1]}"
    paths = [media_urls.whole_path(site, f"/media/private/{file}", given) for file in files]
    return paths[0], paths[1]


def _elsewhere(site: Site, row: Media, kind: Kind, given: Pass | None) -> str:
    if given is None:
        return media_urls.proxy_path(site, kind, row.id, row.remote_url or "")
    return media_urls.whole_path(site, f"/media/proxy/{kind}/{row.id}", given)


def _size(row: Media) -> tuple[int | None, int | None]:
    """Size of the preview, so that the page does not jump when it comes."""
    if not (row.width and row.height):
        return None, None
    scale = min(1.0, sqrt(AREA_OF_PREVIEW / (row.width * row.height)))
    return max(1, round(row.width * scale)), max(1, round(row.height * scale))


def emoji_in_posts(reader: Reader, posts: Sequence[Post]) -> dict[int, Emojis]:
    """The emoji that each post says."""
    said = {
        post.id: ("" if post.local else host_of(post.uri), (post.content, post.spoiler))
        for post in posts
    }
    return {id_: _by_name(reader, found) for id_, found in emoji_entity.rows(reader, said).items()}


def emoji_of_people(reader: Reader, people: Iterable[Actor]) -> dict[int, Emojis]:
    """Emoji in what people say of themselves."""
    said = {actor.id: emoji_entity.texts_of(actor) for actor in people}
    return {id_: _by_name(reader, found) for id_, found in emoji_entity.rows(reader, said).items()}


def _by_name(reader: Reader, found: Iterable[Emoji]) -> Emojis:
    origin = reader.site.origin
    return {
        one.shortcode: emoji_entity.addresses(reader.site, one)[1].removeprefix(origin)
        for one in found
    }
