"""A vote: a Note with the name of an option, in answer to a poll. Counted, and never a post."""

from federation.activities.shared.reactions import actor_and_post
from federation.activity import Unwanted
from federation.errors import Forbidden
from federation.objects.note import Note
from storage.engine.transaction import Reader, Writer
from storage.people.actors import Actor
from storage.posts import polls, visible_posts
from storage.posts.polls import Poll
from storage.posts.posts import Post
from storage.posts.visibility import Member


def cast(writer: Writer, voter: Actor, said: Note) -> None:
    """Count it. Raises Unknown, Unwanted, Forbidden with a sentence for whoever votes."""
    _, post = actor_and_post(writer, voter.uri, said.in_reply_to or "")
    _ensure_sees(writer, voter, post)
    poll = polls.of(writer, post.id)
    if poll is None or not (post.local or voter.is_local):
        raise Unwanted("That is not a poll in which somebody of ours has a part.")
    if post.author == voter.id:
        raise Forbidden("You can't vote in your own polls")
    if said.vote not in poll.titles:
        raise Forbidden("The chosen vote option does not exist")
    _ensure_open(writer, poll, voter)
    if not polls.vote(writer, said.id, poll, voter.id, poll.titles.index(said.vote)):
        raise Forbidden("You have already voted on this poll")


def _ensure_sees(reader: Reader, voter: Actor, post: Post) -> None:
    """Themselves, not only somebody of their server."""
    if visible_posts.by_id(reader, Member(voter.id), post.id) is None:
        raise Unwanted("The poll is not meant for who votes in it.")


def _ensure_open(reader: Reader, poll: Poll, voter: Actor) -> None:
    if poll.is_over(reader.now):
        raise Forbidden("The poll has already ended")
    if not poll.multiple and polls.votes_of(reader, voter.id, [poll.post]):
        raise Forbidden("You have already voted on this poll")
