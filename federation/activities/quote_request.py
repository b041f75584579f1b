"""`QuoteRequest`: somebody asks whether they may quote a post (FEP-044f)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from federation.activities.accept import Accept
from federation.activities.reject import Reject
from federation.activities.shared.quotes import may_quote
from federation.activities.shared.reactions import actor_and_post, find_actor
from federation.activity import Activity, Unwanted, heading
from federation.errors import Forbidden, Malformed
from federation.transport.urls import same_origin
from federation.vocabulary import uris
from federation.vocabulary.json_documents import Document, optional_uri, uri_of
from storage.engine.transaction import Reader, Writer
from storage.people import actors
from storage.posts import posts, quotes


def _author(instrument: Document) -> str | None:
    return optional_uri(instrument.get("attributedTo"))


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteRequest(Activity):
    """`quoted` is the URI of the post, `instrument` that of the one which is to quote it.

    Answered at once by the policy of the post; we ask nobody ourselves yet. `shown` when the
    quoting post was in it, by whoever asks: it may not be had elsewhere before the answer.
    """

    type: ClassVar[str] = "QuoteRequest"
    context: ClassVar[str] = "post"
    quoted: str
    instrument: str
    shown: bool = False

    @classmethod
    def parse(cls, document: Document) -> Self:
        instrument, head = document.get("instrument"), heading(document)
        asked = cls(
            **head,
            quoted=uri_of(document.get("object")),
            instrument=uri_of(instrument),
            shown=isinstance(instrument, Mapping) and _author(instrument) == head["actor"],
        )
        if not same_origin(asked.instrument, asked.actor):
            raise Malformed("Who asks to quote asks for a post of their own; this is not.")
        return asked

    def render(self) -> Document:
        return self.about(self.quoted, instrument=self.instrument)

    def subject(self) -> str:
        return self.instrument

    def ensure_wanted(self, reader: Reader) -> None:
        quoted = posts.by_uri(reader, self.quoted)
        if quoted is None or not quoted.local:
            raise Unwanted("It is about somebody else’s post.")

    def needs(self, reader: Reader) -> Collection[str]:
        return (self.actor,) if self.shown else (self.actor, self.instrument)

    def apply(self, writer: Writer) -> Sequence[Activity]:
        asker, quoted = actor_and_post(writer, self.actor, self.quoted)
        author = actors.by_id(writer, quoted.author)
        if author is None or not author.is_local:
            raise Unwanted("It is about somebody else’s post.")
        known = posts.by_uri(writer, self.instrument)
        if known.author != asker.id if known else not self.shown:
            raise Forbidden("Only its author asks for a post.")
        head = {"id": uris.activity(writer.site, writer.new_id()), "actor": author.uri}
        if not may_quote(writer, quoted, asker):
            return (Reject(inner=self, **head),)
        before = quotes.by_request(writer, self.instrument, quoted.id)
        if before and before.state == quotes.REVOKED:
            return (Reject(inner=self, **head),)
        stamp = before.stamp if before else None
        stamp = stamp or uris.approval(writer.site, writer.new_id())
        return (Accept(inner=self, result=stamp, **head),)

    def accept(self, writer: Writer, wrapper: Activity) -> Sequence[Activity]:
        asker, quoted = find_actor(writer, self.actor), posts.by_uri(writer, self.quoted)
        author = actors.by_id(writer, quoted.author) if quoted else None
        stamp = wrapper.result if isinstance(wrapper, Accept) else None
        if quoted is None or author is None or author.uri != wrapper.actor or not author.is_local:
            raise Forbidden("Only the author of a post consents to its being quoted.")
        if stamp is not None:
            quotes.approve(
                writer, stamp=stamp, target=quoted.id, actor=asker.id, request=self.instrument
            )
        return ()

    def reject(self, writer: Writer, wrapper: Activity) -> Sequence[Activity]:
        """Do nothing: nothing was kept of the request."""
        return ()

    def audience(self, reader: Reader) -> Collection[str]:
        return ()
