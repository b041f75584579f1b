"""Consent to quotes, taken back."""

from federation.activities import Delete
from federation.activities.shared.quotes import consent
from federation.outbound import outbox
from federation.vocabulary import uris
from server.actions.finding import own_post
from server.refusals import NotThere
from storage.engine.ids import PostId
from storage.engine.transaction import Writer
from storage.people.actors import Actor
from storage.posts import quotes, visible_posts
from storage.posts.quotes import Quote
from storage.posts.visibility import Member
from storage.posts.visible_posts import Post


def revoke(writer: Writer, me: Actor, quoted: PostId, quoting: PostId) -> Post:
    """Take consent back from a post that quotes one's own; return that post. Raises NotThere."""
    viewer = Member(me.id)
    target, quoter = own_post(writer, me, viewer, quoted), visible_posts.once_seen(writer, quoting)
    given = quotes.by_request(writer, quoter.uri, target.id) if quoter else None
    if quoter is None or given is None:
        raise NotThere
    seen = visible_posts.by_id(writer, viewer, quoter.id)
    if seen is None and given.state not in (quotes.APPROVED, quotes.REVOKED):
        raise NotThere  # nothing was given, so there is nothing to take back
    if given.state == quotes.APPROVED:
        _take_back(writer, me, target, given)
    return quoter


def _take_back(writer: Writer, me: Actor, quoted: Post, given: Quote) -> None:
    """Said to whoever may have asked for the stamp (FEP-044f)."""
    stamp = given.stamp or uris.approval(writer.site, writer.new_id())
    quotes.stamp(writer, given.id, stamp)
    whole = consent(stamp, me, given.request, quoted.uri)
    said = Delete(id=outbox.new_uri(writer), actor=me.uri, what=stamp, consent=whole)
    outbox.publish(writer, said)
