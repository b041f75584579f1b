"""Attachments of a post and the emoji used in it: how both come to be kept."""

from collections.abc import Sequence

from federation.objects import emoji
from federation.objects.attachment import Attachment
from storage.engine.transaction import Reader, Writer
from storage.media import attachments, emojis
from storage.media.attachments import Media
from storage.media.emojis import Emoji
from storage.people import actors
from storage.people.actors import Actor
from storage.posts.posts import Post


def hang(writer: Writer, post: Post, attached: Sequence[Attachment]) -> None:
    """Exactly these hang on the post from now on."""
    if not post.local:
        rows = [_row(writer, post, position, one) for position, one in enumerate(attached)]
        attachments.replace_remote(writer, post.id, rows)
        return
    ours = [(one.id, one) for one in attached if one.id is not None]
    attachments.attach(writer, post.id, [id_ for id_, _ in ours])
    for id_, one in ours:
        attachments.describe(writer, id_, one.description, one.focus)


def _row(writer: Writer, post: Post, position: int, one: Attachment) -> Media:
    return Media(
        id=writer.new_id(),
        owner=post.author,
        purpose="attachment",
        file=None,
        mime=one.mime,
        bytes=0,
        width=one.width,
        height=one.height,
        post=post.id,
        position=position,
        remote_url=one.url if isinstance(one.url, str) else None,
        blurhash=one.blurhash,
        description=one.description,
        focus_x=one.focus[0],
        focus_y=one.focus[1],
        state="remote",
    )


def differs(reader: Reader, post: Post, attached: Sequence[Attachment]) -> bool:
    """Whether something else hangs on the post now, or is described or cropped otherwise."""
    there = attachments.of_posts(reader, [post.id]).get(post.id, [])
    return [_identity(post, one) for one in there] != [
        (one.id if post.local else one.url, one.description, one.focus) for one in attached
    ]


def _identity(post: Post, row: Media) -> tuple[int | str | None, str, tuple[float, float]]:
    where = row.id if post.local else row.remote_url
    return where, row.description, (row.focus_x, row.focus_y)


def heed_suspension(writer: Writer, actor: Actor, suspended: bool) -> None:
    """Hide an actor here whom their own server hides, until it says otherwise."""
    actors.set_remote_suspended(writer, actor, suspended)


def learn_emoji(writer: Writer, author: Actor, said: Sequence[Emoji]) -> None:
    """Learn emoji of another server: they are its own, whoever of its people said them."""
    if said and not author.is_local:
        emojis.learn(writer, author.host, emoji.at_most(said, writer.now))
