"""Those who appear in these tests, and what they say: made with the functions under test."""

from collections.abc import Iterable
from typing import Any

from storage.access import accounts
from storage.access.accounts import Account
from storage.engine.ids import ActorId, PostId
from storage.engine.transaction import Writer
from storage.people import actors, blocks, follows
from storage.people.actors import Actor
from storage.posts import audiences, posts
from storage.posts.audiences import PUBLIC, Audience
from storage.posts.posts import Post, Recipient
from storage.queues import outbox
from storage.queues.outbox import Said


def actor(writer: Writer, name: str, host: str = "", **more: Any) -> ActorId:
    """Somebody of ours, or of another host. A server's own actor is an Application."""
    id_ = ActorId(writer.new_id())
    uri = f"https://{host or 'home.example'}/actors/{name}"
    given: dict[str, Any] = {"type": "Person", "inbox": f"{uri}/inbox", **more}
    actors.add(writer, Actor(id=id_, uri=uri, name=name, domain=host, host=host, **given))
    return id_


def account(writer: Writer, name: str, /, **more: Any) -> ActorId:
    id_ = actor(writer, name)
    given: dict[str, Any] = {"email": f"{name}@mail.example", "password": "hash", **more}
    accounts.add(writer, Account(actor=id_, settings={}, created_at=writer.now, **given))
    return id_


def follow(writer: Writer, follower: ActorId, target: int, accepted: bool = True) -> None:
    follows.ask(writer, f"https://x.example/follows/{follower}-{target}", follower, ActorId(target))
    if accepted:
        follows.accept(writer, follower, ActorId(target))


def block(writer: Writer, who: int, target: int) -> None:
    blocks.add(writer, f"https://x.example/blocks/{who}-{target}", ActorId(who), ActorId(target))


def post(
    writer: Writer,
    author: ActorId,
    audience: Audience = PUBLIC,
    to: Iterable[int] = (),
    tags: Iterable[str] = (),
    answers: Post | None = None,
    **more: Any,
) -> Post:
    """Something said; listed when it is public, unless told otherwise."""
    speaker = actors.by_id(writer, author)
    assert speaker is not None
    id_ = PostId(more.pop("id", None) or writer.new_id())
    given: dict[str, Any] = {
        "uri": f"https://{speaker.host or 'home.example'}/posts/{id_}",
        "listed": audience.kind == "public",
        "root": answers.root if answers else id_,
        "in_reply_to": answers.id if answers else None,
        "in_reply_to_uri": answers.uri if answers else None,
        "published_at": writer.now,
        **more,
    }
    made = Post(
        id=id_,
        url=None,
        author=author,
        local=speaker.is_local,
        audience=audiences.ensure(writer, audience),
        kind=audience.kind,
        owner=audience.owner,
        collection=audience.collection,
        content=f"<p>{id_}</p>",
        **given,
    )
    posts.add(writer, made, [Recipient(ActorId(one), mentioned=True) for one in to], tags)
    return made


def said(
    writer: Writer, by: int, object_: str, type_: str = "Create", post: PostId | None = None
) -> int:
    """An activity of ours, without deliveries."""
    id_ = writer.new_id()
    uri = f"https://home.example/activities/{id_}"
    outbox.add(
        writer, Said(id_, uri, ActorId(by), type_, object_, post, f'{{"about": "{object_}"}}')
    )
    return id_
