"""A post that quotes another: kept with what its author thinks of that."""

from federation.objects.note import Note
from federation.policy import allows
from storage.engine.transaction import Reader, Writer
from storage.people import actors, blocks
from storage.people.actors import Actor
from storage.posts import posts, quotes
from storage.posts.posts import Post
from storage.posts.quotes import APPROVED, PENDING, REJECTED, QuoteState


def keep(writer: Writer, author: Actor, said: Note) -> None:
    """Keep a quote once its post is kept. Unknown posts cannot be shown, so it is not noted."""
    quotes.forget_of_others(writer, said.id, author.id)
    quoted = posts.by_uri(writer, said.quote) if said.quote else None
    if quoted is None:
        return
    stamp = None if quoted.author == author.id or quoted.local else said.stamp
    quotes.keep(
        writer,
        stamp=stamp,
        target=quoted.id,
        actor=author.id,
        request=said.id,
        state=_state(writer, author, quoted, stamp),
    )


def keep_anew(writer: Writer, author: Actor, said: Note) -> None:
    """An edit quotes something else: what was decided before was about another post."""
    quotes.forget(writer, said.id)
    keep(writer, author, said)


def _state(reader: Reader, author: Actor, quoted: Post, stamp: str | None) -> QuoteState:
    """A stamp is asked for at its origin before it counts; without one, what the policy says."""
    if quoted.author == author.id:
        return APPROVED
    if stamp is not None:
        return PENDING
    if may_quote(reader, quoted, author):
        return APPROVED
    return REJECTED if quoted.local else PENDING


def consent(stamp: str, author: Actor, request: str, quoted: str) -> dict[str, str]:
    """The `QuoteAuthorization`: `author` consents that the post `request` quotes theirs."""
    return {
        "id": stamp,
        "type": "QuoteAuthorization",
        "attributedTo": author.uri,
        "interactingObject": request,
        "interactionTarget": quoted,
    }


def may_quote(reader: Reader, quoted: Post, author: Actor) -> bool:
    owner = actors.by_id(reader, quoted.author)
    return (
        owner is not None
        and quoted.kind == "public"
        and not quoted.local_only
        and not blocks.exists(reader, owner.id, author.id)
        and not author.silenced  # it would be agreed to without anybody's asking
        and allows(reader, quoted, "quote", author)
    )
