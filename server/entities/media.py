"""Files as `MediaAttachment`."""

from collections.abc import Sequence
from math import sqrt

from federation.vocabulary import media_urls
from federation.vocabulary.media_urls import Kind, Pass, Placeholder
from server.entities import shapes
from storage.engine.ids import ActorId
from storage.engine.site import Site
from storage.engine.transaction import Reader
from storage.media.attachments import Media

Link = str | Placeholder

AREA_OF_PREVIEW = 230_400  # pixels, as server/media/store.py has previews made


def of_post(site: Site, row: Media, *, open_to_all: bool) -> shapes.MediaAttachment:
    """Attachment of a post, with placeholders where not everybody may open it (media_urls)."""
    if row.file is None:
        return _elsewhere(site, row, open_to_all)

    def link(file: str) -> Link:
        return media_urls.public(site, file) if open_to_all else media_urls.private(file)

    return _attachment(row, row.type, link(row.file), link(row.preview or row.file))


def _elsewhere(site: Site, row: Media, open_to_all: bool) -> shapes.MediaAttachment:
    """Address of the original: a picture through us; of other kinds, only where they are."""
    url = row.remote_url or ""
    if row.type != "image":
        return _attachment(row, "unknown", url, None)

    def link(kind: Kind) -> Link:
        if open_to_all:
            return media_urls.proxy_address(site, kind, row.id, url)
        return media_urls.private_proxy(kind, row.id)

    return _attachment(row, "image", link("original"), link("small"))


def own(site: Site, row: Media, given: Pass) -> shapes.MediaAttachment:
    """Upload on no post yet, for its owner; no address while it is being worked on."""
    if row.state != "ready" or row.file is None:
        return _attachment(row, row.type, None, None)

    def link(file: str) -> str:
        return site.origin + media_urls.whole_path(site, f"/media/private/{file}", given)

    return _attachment(row, row.type, link(row.file), link(row.preview or row.file))


def of_owner(reader: Reader, owner: ActorId, rows: Sequence[Media]) -> list[shapes.MediaAttachment]:
    """Uploads on no post yet, as their owner gets to see them."""
    given = media_urls.pass_for_member(owner, reader.now)
    return [own(reader.site, row, given) for row in rows]


def _attachment(
    row: Media, type_: str, url: Link | None, preview: Link | None
) -> shapes.MediaAttachment:
    return {
        "id": str(row.id),
        "type": type_,
        "url": url,
        "preview_url": preview,
        "remote_url": row.remote_url,
        "preview_remote_url": None,
        "text_url": None,
        "meta": _meta(row),
        "description": row.description or None,
        "blurhash": row.blurhash,
    }


def _meta(row: Media) -> shapes.MediaMeta:
    meta: shapes.MediaMeta = {"focus": {"x": row.focus_x, "y": row.focus_y}}
    if row.width and row.height:
        small = min(1.0, sqrt(AREA_OF_PREVIEW / (row.width * row.height)))
        meta["original"] = _size(row.width, row.height)
        meta["small"] = _size(max(1, round(row.width * small)), max(1, round(row.height * small)))
    return meta


def _size(width: int, height: int) -> shapes.MediaSize:
    return {
        "width": width,
        "height": height,
        "size": f"{width}x{height}",
        "aspect": width / height,
    }
