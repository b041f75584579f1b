"""Pinning one's own posts: `Add` to what one shows first, and `Remove` from it."""

from federation.activities import Add, Remove
from federation.errors import Forbidden
from federation.outbound import outbox
from server.actions.finding import visible_post
from server.refusals import Invalid
from storage.engine.ids import PostId
from storage.engine.transaction import Writer
from storage.people.actors import Actor
from storage.posts import pins
from storage.posts.visibility import Member
from storage.posts.visible_posts import Post

_NOT_OWN = "Validation failed: Someone else's post cannot be pinned"
_NAMED = "Validation failed: Posts that are only visible to mentioned users cannot be pinned"


def pin(writer: Writer, me: Actor, id_: PostId) -> Post:
    """Show it first. Raises NotThere, and Invalid for what cannot be pinned."""
    found = _own(writer, me, id_)
    if found.kind == "named":
        raise Invalid(_NAMED)
    if not pins.is_pinned(writer, me.id, found.id):
        _publish(writer, me, Add, found)
    return found


def unpin(writer: Writer, me: Actor, id_: PostId) -> Post:
    """Show it first no more. Raises NotThere, and Invalid for somebody else's."""
    found = _own(writer, me, id_)
    if pins.is_pinned(writer, me.id, found.id):
        _publish(writer, me, Remove, found)
    return found


def _own(writer: Writer, me: Actor, id_: PostId) -> Post:
    found = visible_post(writer, Member(me.id), id_)
    if found.author != me.id or found.id != id_:
        raise Invalid(_NOT_OWN)
    return found


def _publish(writer: Writer, me: Actor, verb: type[Add] | type[Remove], post: Post) -> None:
    said = verb(id=outbox.new_uri(writer), actor=me.uri, what=post.uri, target=me.featured or "")
    try:
        outbox.publish(writer, said)
    except Forbidden as refused:
        raise Invalid(f"Validation failed: {refused}") from refused
