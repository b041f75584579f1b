"""The endpoints that other servers call: inboxes in, documents out."""

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from federation.activities.shared.quotes import consent
from federation.objects import actor as actor_object
from federation.objects import emoji as emoji_object
from federation.objects import from_rows, note
from federation.vocabulary import contexts, media_urls, uris
from federation.vocabulary.json_documents import Document
from server.http.app_keys import DATABASE, INBOX, OUTSIDE, SETTINGS
from server.http.errors import Refused, not_found
from server.http.forms import body_of
from server.http.guard import Access, Route, peer_document
from server.http.peer_access import (
    TYPE,
    VARY,
    ForPeers,
    as_it_came,
    bearing_keys,
    is_signed,
    wants_page,
)
from server.http.responses import answer
from server.media.store import address as media_address
from storage.engine.ids import ActorId, PostId
from storage.engine.pagination import Page
from storage.engine.transaction import Reader
from storage.media import emojis
from storage.people import actors, blocks, keys
from storage.people.actors import Actor
from storage.people.keys import Key
from storage.posts import boosts, quotes, visible_posts
from storage.posts.visibility import Anonymous, Peer, Viewer
from storage.posts.visible_posts import Post
from storage.queues import outbox as activities
from storage.reading import timelines

PAGE = 20
SMALL_BODY = 16 * 1024
INBOX_BODY = 1024 * 1024


async def inbox(request: web.Request) -> web.Response:
    """Take an activity in. 202 means that it will survive whatever happens here."""
    if not is_signed(request):
        raise Refused(401, "The request is not signed.")  # before its body is read
    taken = request.app[INBOX]
    if not _is_small(request) and not await taken.is_worth_reading(as_it_came(request, None)):
        return web.Response(status=202)
    await taken.take_in(as_it_came(request, await body_of(request)))
    return web.Response(status=202)


def _is_small(request: web.Request) -> bool:
    """Whether reading it costs less than asking first whether it is worth it."""
    return request.content_length is not None and request.content_length <= SMALL_BODY


def document(kind: str, body: Document) -> web.Response:
    return _allow_caching(answer(contexts.with_context(kind, body), content_type=TYPE))


def _allow_caching(response: web.Response) -> web.Response:
    """Let anybody keep what anybody is told; `headers.decorate` takes that back where one signed.

    (SECURITY 31, 78)
    """
    response.headers["Vary"] = VARY
    response.headers["Cache-Control"] = "max-age=180"
    return response


def _open_media(request: web.Request, viewer: Viewer, response: web.Response) -> web.Response:
    """Document with addresses of media that open for the server which asks (SECURITY 79)."""
    site, now = request.app[DATABASE].site, request.app[OUTSIDE].clock()
    if isinstance(response.body, bytes):
        response.body = media_urls.open_placeholders(site, response.body, viewer, now)
    return response


@bearing_keys
async def application(request: web.Request, _: Viewer) -> web.Response:
    """The server itself: where keys are found (FEP-2677)."""
    return await actor_document(request, await request.app[DATABASE].read(actors.application))


async def actor_document(request: web.Request, actor: Actor) -> web.Response:
    database = request.app[DATABASE]
    known, tags = await database.read(_beside_actor, actor)
    media = media_address(request.app[SETTINGS].web_origin)
    context = "suspended" if actor.effective_state == "suspended" else "actor"
    return document(context, actor_object.render(database.site, actor, known, media, tags))


def _beside_actor(
    reader: Reader, actor: Actor
) -> tuple[Sequence[Key], Sequence[Mapping[str, Any]]]:
    """Keys of an actor, and the emoji in their profile."""
    return keys.of_actor(reader, actor.id), from_rows.emoji_tags_of(reader, actor)


@bearing_keys
async def actor(request: web.Request, _: Viewer) -> web.Response:
    """An actor of ours; whoever comes with a browser is shown their page."""
    found = await _local_actor(request, also_suspended=True)
    if wants_page(request) and found.effective_state == "active" and found.type != "Application":
        return _to_page(uris.profile_page(request.app[DATABASE].site, found.name))
    return await actor_document(request, found)


def _to_page(address: str) -> web.Response:
    return web.Response(status=303, headers={"Location": address, "Vary": "Accept"})


async def _local_actor(request: web.Request, *, also_suspended: bool = False) -> Actor:
    found = await request.app[DATABASE].read(actors.by_id, ActorId(int(request.match_info["id"])))
    return local_actor(found, also_suspended=also_suspended)


def local_actor(found: Actor | None, *, also_suspended: bool = False) -> Actor:
    """Actor of ours: 404 when there is none, 410 when they left."""
    hidden = ("pending",) if also_suspended else ("suspended", "pending")
    if found is None or not found.is_local or found.effective_state in hidden:
        raise not_found()
    if found.effective_state == "deleted":
        raise Refused(410, "Whoever was here has left.")
    return found


async def _whose(request: web.Request, viewer: Viewer) -> Actor:
    """Owner of a collection: found by everybody but those whom they block."""
    found = await _local_actor(request)
    if isinstance(viewer, Peer) and await request.app[DATABASE].read(
        blocks.exists, found.id, viewer.signer
    ):
        raise not_found()
    return found


@ForPeers
async def post(request: web.Request, viewer: Viewer) -> web.Response:
    """A post of ours; whoever comes with a browser is shown the page of one that is for all."""
    id_ = PostId(int(request.match_info["id"]))
    if wants_page(request):
        page = await request.app[DATABASE].read(_page_for_all, id_)
        if page is not None:
            return _to_page(page)
    return await post_document(request, viewer, id_)


def _page_for_all(reader: Reader, id_: PostId) -> str | None:
    found = visible_posts.by_id(reader, Anonymous(), id_)
    author = actors.by_id(reader, found.author) if found is not None and found.local else None
    return uris.post_page(reader.site, author.name, id_) if author is not None else None


async def post_document(
    request: web.Request, viewer: Viewer, id_: PostId, author: ActorId | None = None
) -> web.Response:
    """A post, to who may read it: 404 to others, 410 to those who could read it before.

    `author`: it is asked for as a post of theirs.
    """
    found = await request.app[DATABASE].read(_post, viewer, id_, author)
    if found is None:
        gone = await request.app[DATABASE].read(visible_posts.was_there, viewer, id_)
        raise Refused(410, "This was taken down.") if gone else not_found()
    return _open_media(request, viewer, document("post", found))


def _post(reader: Reader, viewer: Viewer, id_: PostId, author: ActorId | None) -> Document | None:
    found = visible_posts.by_id(reader, viewer, id_)
    if found is None or not found.local or author not in (None, found.author):
        return None
    return _with_replies(note.render(from_rows.note_of(reader, found)))


def _with_replies(rendered: Document) -> Document:
    return {**rendered, "replies": f"{rendered['id']}/replies"}


@ForPeers
async def approval(request: web.Request, viewer: Viewer) -> web.Response:
    """A stamp: one of ours consents that somebody quotes a post (FEP-044f)."""
    found = await request.app[DATABASE].read(_approval, viewer, int(request.match_info["id"]))
    if found is None:
        raise not_found()
    return document("post", found)


def _approval(reader: Reader, viewer: Viewer, id_: int) -> Document | None:
    uri = uris.approval(reader.site, id_)
    given = quotes.by_stamp(reader, uri)
    quoted = visible_posts.by_id(reader, viewer, given.target) if given else None
    author = actors.by_id(reader, quoted.author) if quoted else None
    if given is None or given.state != quotes.APPROVED or quoted is None or author is None:
        return None
    return consent(uri, author, given.request, quoted.uri)


@ForPeers
async def emoji(request: web.Request, _: Viewer) -> web.Response:
    """A custom emoji of ours."""
    found = await request.app[DATABASE].read(emojis.by_id, int(request.match_info["id"]))
    if found is None or found.file is None:
        raise not_found()
    return document("post", emoji_object.render(request.app[DATABASE].site, found))


@ForPeers
async def replies(request: web.Request, viewer: Viewer) -> web.Response:
    """The answers to a post that the asker may read: a list of its own for each who signs."""
    id_ = PostId(int(request.match_info["id"]))
    found = await request.app[DATABASE].read(_replies, viewer, id_)
    if found is None:
        raise not_found()
    uri = f"{uris.post(request.app[DATABASE].site, id_)}/replies"
    collection = {"id": uri, "type": "Collection", "items": found}
    return document("plain", collection)


def _replies(reader: Reader, viewer: Viewer, id_: PostId) -> list[str] | None:
    found = visible_posts.by_id(reader, viewer, id_)
    if found is None or not found.local:
        return None
    below = visible_posts.descendants(reader, viewer, found, visible_posts.ANSWERS)
    return [one.uri for one in below if one.in_reply_to == id_][:100]


@ForPeers
async def activity(request: web.Request, viewer: Viewer) -> web.Response:
    """Activity of one of ours, while it is about a post that the asker may read."""
    found = await request.app[DATABASE].read(_activity, viewer, int(request.match_info["id"]))
    if found is None:
        raise not_found()
    response = web.Response(body=found.encode(), content_type=TYPE)
    return _open_media(request, viewer, _allow_caching(response))


def _activity(reader: Reader, viewer: Viewer, id_: int) -> str | None:
    said = activities.by_id(reader, id_)
    about = visible_posts.by_id(reader, viewer, said.post) if said and said.post else None
    if said is None or about is None:
        return None
    if not activities.has_current_text(reader, said, edited=about.edited_at is not None):
        return None  # earlier words may have been for fewer, or are not meant any more
    if said.type == "Announce":
        boost = boosts.by_uri(reader, said.uri)  # none where it was taken back
        if boost is None or boosts.find_visible(reader, viewer, boost.id) is None:
            return None
    return said.body


@ForPeers
async def outbox(request: web.Request, viewer: Viewer) -> web.Response:
    """List of an actor's public posts; pages are paths, so signatures cover them."""
    found = await _whose(request, viewer)
    first = f"{found.outbox}/page/0"
    return document("plain", {"id": found.outbox, "type": "OrderedCollection", "first": first})


@ForPeers
async def outbox_page(request: web.Request, viewer: Viewer) -> web.Response:
    found = await _whose(request, viewer)
    below = int(request.match_info["below"]) or None
    items = await request.app[DATABASE].read(_outbox_items, viewer, found.id, below)
    page = {
        "id": f"{found.outbox}/page/{below or 0}",
        "type": "OrderedCollectionPage",
        "partOf": found.outbox,
        "orderedItems": [item for _, item in items],
    }
    if len(items) == PAGE:
        page["next"] = f"{found.outbox}/page/{items[-1][0]}"
    return document("post", page)


def _outbox_items(
    reader: Reader, viewer: Viewer, actor_id: ActorId, below: int | None
) -> list[tuple[int, Document]]:
    entries = timelines.outbox(reader, actor_id, Page(PAGE, max_id=below), viewer)
    return [(entry.cursor, _render_create(reader, entry.post)) for entry in entries]


def _render_create(reader: Reader, found: Post) -> Document:
    """A Create around a post, made anew from what it says now."""
    said = note.render(from_rows.note_of(reader, found))
    return {
        "id": f"{found.uri}#create",
        "type": "Create",
        "actor": said["attributedTo"],
        "published": said.get("published"),
        "to": said["to"],
        "cc": said["cc"],
        "object": said,
    }


@ForPeers
async def people(request: web.Request, viewer: Viewer) -> web.Response:
    """Followers and followed: that there are such collections, and neither who nor how many."""
    found = await _whose(request, viewer)
    uri = f"{found.uri}/{request.match_info['which']}"
    return document("plain", {"id": uri, "type": "OrderedCollection"})


@ForPeers
async def featured(request: web.Request, viewer: Viewer) -> web.Response:
    """Posts that an actor pinned, as far as the asker may read them."""
    found = await _whose(request, viewer)
    items = await request.app[DATABASE].read(_list_featured, viewer, found.id)
    body = {"id": found.featured, "type": "OrderedCollection", "orderedItems": items}
    return document("plain", body)


def _list_featured(reader: Reader, viewer: Viewer, actor_id: ActorId) -> list[str]:
    lines = timelines.page_of_pinned(reader, viewer, actor_id, Page(PAGE))
    posts = visible_posts.many(reader, viewer, [line.post for line in lines])
    return [posts[PostId(line.post)].uri for line in lines if PostId(line.post) in posts]


_ID = "{id:[0-9]{1,19}}"


def _inbox(path: str) -> Route:
    return Route(
        method="POST",
        path=path,
        handler=inbox,
        access=Access.PEER,
        limits=("inbox",),
        body=INBOX_BODY,
    )


ROUTES: list[Route] = [
    _inbox("/inbox"),
    _inbox("/actor/inbox"),
    _inbox(f"/actors/{_ID}/inbox"),
    peer_document("/actor", application),
    peer_document(f"/actors/{_ID}", actor),
    peer_document(f"/actors/{_ID}/outbox", outbox),
    peer_document(f"/actors/{_ID}/outbox/page/{{below:[0-9]{{1,19}}}}", outbox_page),
    peer_document(f"/actors/{_ID}/{{which:followers|following}}", people),
    peer_document(f"/actors/{_ID}/featured", featured),
    peer_document(f"/posts/{_ID}", post),
    peer_document(f"/posts/{_ID}/replies", replies),
    peer_document(f"/approvals/{_ID}", approval),
    peer_document(f"/activities/{_ID}", activity),
    peer_document(f"/emojis/{_ID}", emoji),
]
