"""`Flag`: somebody tells those who look after a server about one of its people.

What a member of ours tells is said by the server itself: nobody elsewhere learns who it was.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from federation.activities.shared.reactions import find_actor
from federation.activity import Activity, Unknown, Unwanted, derived_id, heading
from federation.errors import Malformed
from federation.policy import viewer_of
from federation.vocabulary.json_documents import Document, text, uris_of
from federation.vocabulary.sanitize_html import printable
from storage.access import accounts
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Writer
from storage.moderation import reports
from storage.moderation.reports import Category, Report
from storage.people import actors
from storage.people.actors import Actor
from storage.posts import visible_posts
from storage.posts.posts import Post
from storage.posts.visibility import Member
from storage.queues import hosts, jobs
from storage.queues.job_kinds import TellModerators
from storage.reading import notifications

MOST_COMMENT = 5000
MOST_OBJECTS = 100
MOST_POSTS = 40
MOST_OPEN = 100


@dataclass(frozen=True, slots=True)
class Told:
    """Part of a report by one of ours that stays here: who reports, and what they chose from."""

    reporter: ActorId
    category: Category = "other"
    rules: tuple[int, ...] = ()
    forward: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag(Activity):
    """Report: `about_whom` are URIs, of an actor and of posts of theirs. `comment` is plain text.

    `told` is there only where one of ours tells it.
    """

    type: ClassVar[str] = "Flag"
    about_whom: tuple[str, ...]
    comment: str = ""
    told: Told | None = None

    @classmethod
    def parse(cls, document: Document) -> Self:
        whom = tuple(uris_of(document.get("object"), MOST_OBJECTS))
        if not whom:
            raise Malformed("It does not say whom it is about.")
        comment = printable(text(document, "content", MOST_COMMENT) or "")
        return cls(**heading(document), about_whom=whom, comment=comment)

    def render(self) -> Document:
        return self.about(list(self.about_whom), content=self.comment)

    def subject(self) -> str:
        return self.id

    def apply(self, writer: Writer) -> Sequence[Activity]:
        speaker = find_actor(writer, self.actor)
        uri, before = self.id, reports.by_uri(writer, self.id)
        if before is not None and before.reporter != speaker.id:  # somebody else has that id
            uri = derived_id(self.type, self.actor, self.id)
            before = reports.by_uri(writer, uri)
        if before is not None:
            return ()
        told = self._read_details(writer, speaker)
        shown = self._visible_posts(writer, speaker)
        target = self._target(writer, [post.author for post in shown])
        report = Report(
            id=writer.new_small_id(),
            uri=uri,
            reporter=told.reporter,
            target=target.id,
            comment=self.comment,
            category=told.category,
            rules=told.rules,
            forwarded=bool(self.audience(writer)),
            created_at=writer.now,
            updated_at=writer.now,
            posts=tuple(post.id for post in shown if post.author == target.id)[:MOST_POSTS],
        )
        reports.add(writer, report)
        _call(writer, report)
        return ()

    def _read_details(self, reader: Reader, speaker: Actor) -> Told:
        """Details of who reports; other servers get no more open reports than somebody can read."""
        if self.told is not None:
            return self.told
        if hosts.rejects(reader, speaker.host)[1]:
            raise Unwanted("We take no reports from that server.")
        if reports.open_from(reader, speaker.host) >= MOST_OPEN:
            raise Unwanted("Too many reports of that server wait already.")
        return Told(speaker.id)

    def _visible_posts(self, reader: Reader, speaker: Actor) -> list[Post]:
        """The posts, as far as whoever tells of them may see them (SECURITY 76)."""
        viewer = Member(ActorId(self.told.reporter)) if self.told else viewer_of(speaker)
        seen = [visible_posts.by_uri(reader, viewer, uri) for uri in self.about_whom]
        return [post for post in seen if post is not None]

    def _target(self, reader: Reader, authors: Sequence[ActorId]) -> Actor:
        """Actor whom the report names, or else the author of the first of the posts."""
        named = actors.ids_by_uri(reader, self.about_whom)
        known = actors.many(reader, [*named.values(), *authors])
        first = [named[uri] for uri in self.about_whom if uri in named]
        for id_ in (*first, *authors):
            found = known.get(id_)
            if found and found.type != "Application" and (self.told or found.is_local):
                return found
        raise Unknown("Whom it is about is not known here.")

    def audience(self, reader: Reader) -> Collection[str]:
        """The server of whom it is about, when that was wished."""
        if self.told is None or not self.told.forward:
            return ()
        target = actors.by_uri(reader, self.about_whom[0])
        return (target.inbox_for_many,) if target and not target.is_local else ()


def _call(writer: Writer, report: Report) -> None:
    """Notify the stewards of a report in their app, and by whatever else there is."""
    for steward in accounts.stewards(writer):
        if steward not in (report.target, report.reporter):
            notifications.tell(writer, steward, "admin.report", report.reporter, report.id)
    jobs.plan(writer, TellModerators(report.id))
