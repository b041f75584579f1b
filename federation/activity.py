"""Contract of a verb: what each must say about itself (DECISIONS, The contract of a verb)."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import ClassVar, Self, TypedDict

from federation.errors import FederationError, Malformed
from federation.transport.urls import same_origin
from federation.vocabulary.contexts import with_context
from federation.vocabulary.json_documents import Document, is_a, kind, optional_uri, uri_of, uris_of
from storage.engine.ids import ActorId, PostId
from storage.engine.transaction import Reader, Writer
from storage.people import actors
from storage.queues import inbox

_TYPES: dict[str, type["Activity"]] = {}


class Unknown(FederationError):
    """Reference to something that is not known here (yet); fetching may have failed."""


class Unwanted(FederationError):
    """True, perhaps, but nobody here asked for it, or somebody here does not want it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity(ABC):
    """A statement by `actor`. `apply` means the same whoever said it, one of ours or another."""

    type: ClassVar[str]
    context: ClassVar[str] = "plain"
    id: str
    actor: str

    def __init_subclass__(cls) -> None:
        if "type" in cls.__dict__:
            _TYPES[cls.type] = cls

    @classmethod
    @abstractmethod
    def parse(cls, document: Document) -> Self:
        """Read the wire's form. Raises Malformed."""

    @abstractmethod
    def render(self) -> Document:
        """Return the wire's form, without a context."""

    @classmethod
    def find(cls, reader: Reader, uri: str, by: ActorId) -> "Activity | None":
        """Find what `by` said or was asked, for verbs that others refer to by bare URI."""
        return None

    def ensure_wanted(self, reader: Reader) -> None:  # noqa: B027 - most are wanted
        """Raise FederationError where nobody here wants it, as far as can be told beforehand.

        Asked before anything is fetched for it, so that strangers do not make us ask others.
        """

    def needs(self, reader: Reader) -> Collection[str]:
        """URIs to be known before `apply`; asked again until nothing new is named."""
        return (self.actor,)

    def fresh(self, reader: Reader) -> Collection[str]:
        """URIs of actors to be fetched anew before `apply`, however well they are known."""
        return ()

    @abstractmethod
    def apply(self, writer: Writer) -> Sequence["Activity"]:
        """Take effect; return what our own actors say in consequence."""

    def audience(self, reader: Reader) -> Collection[str]:
        """Inboxes elsewhere to tell when `actor` is ours; asked before `apply`."""
        return ()

    @abstractmethod
    def subject(self) -> str:
        """Subject: activities about the same one reach a host in the order they were said."""

    def post(self, reader: Reader) -> PostId | None:
        """The post whose readers may hear this, asked again when it is delivered."""
        return None

    def undo(self, writer: Writer, wrapper: "Activity") -> Sequence["Activity"]:
        raise Malformed(f"A {self.type} cannot be taken back.")

    def accept(self, writer: Writer, wrapper: "Activity") -> Sequence["Activity"]:
        raise Malformed(f"A {self.type} cannot be accepted.")

    def reject(self, writer: Writer, wrapper: "Activity") -> Sequence["Activity"]:
        raise Malformed(f"A {self.type} cannot be rejected.")

    def about(self, what: object, **more: object) -> Document:
        """The form that most verbs have."""
        return {"id": self.id, "type": self.type, "actor": self.actor, "object": what, **more}

    def document(self) -> Document:
        """Document as it is sent: with its context."""
        return with_context(self.context, self.render())


def knows(type_: str) -> bool:
    return type_ in _TYPES


def verb_of(document: Document) -> str:
    """Type of an activity: of several, the one that is known here. Raises Malformed."""
    return kind(document, _TYPES)


def parse_activity(document: Document) -> Activity:
    """Read any verb that we know. Raises Malformed."""
    type_ = verb_of(document)
    verb = _TYPES.get(type_)
    if verb is None:
        raise Malformed(f"Activities of the type {type_[:40]} are not understood here.")
    return verb.parse(document)


def find_activity(reader: Reader, uri: str, by: str) -> Activity | None:
    """Find what somebody refers to by its bare URI: they said it, or are asked by it."""
    who = actors.by_uri(reader, by)
    if who is None:
        return None
    for verb in _TYPES.values():
        found = verb.find(reader, uri, who.id)
        if found is not None:
            return found
    return None


_RELATIONS = ("Follow", "Like", "Announce", "Block")


def relation(reader: Reader, document: Document) -> str | None:
    """Name the relation of which an activity says that it is, is no more, or is agreed to.

    None for whatever speaks of no relation, and for what cannot be read.
    """
    try:
        return _relation(reader, document)
    except Malformed:
        return None


def _relation(reader: Reader, document: Document) -> str | None:
    type_, what = verb_of(document), document.get("object")
    if type_ == "Undo":
        if isinstance(what, Mapping) and is_a(what, *_RELATIONS) and "object" in what:
            return _relation(reader, what)
        return _relation_of(reader, uri_of(what), uri_of(document.get("actor")))
    if type_ in _RELATIONS:
        return f"{type_} {uri_of(what)}"
    if type_ in ("Add", "Remove"):
        return f"{uri_of(what)} in {uri_of(document.get('target'))}"
    return f"answer to {uri_of(what)}" if type_ in ("Accept", "Reject") else None


def _relation_of(reader: Reader, uri: str, actor: str) -> str | None:
    """Subject of what somebody said under an id: as it was heard, or as it holds."""
    heard = inbox.subject_of(reader, uri, actor)
    if heard is not None:
        return heard
    known = find_activity(reader, uri, actor)
    return _relation(reader, known.render()) if known is not None else inbox.unknown(uri)


def id_of(document: Document) -> str:
    """Id of an activity; one that has none gets one that is the same whenever it is heard."""
    given = optional_uri(document.get("id"))
    if given is not None:
        return given
    type_, actor = verb_of(document), uri_of(document.get("actor"))
    about = [*uris_of(document.get("object")), *uris_of(document.get("target"))]
    return derived_id(type_, actor, " ".join(about))


def derived_id(type_: str, actor: str, what: str) -> str:
    """An id for an activity that has none: the same whenever it is heard."""
    return f"{actor}#{type_.lower()}-{sha256(f'{actor} {what}'.encode()).hexdigest()[:32]}"


class Heading(TypedDict):
    """Fields that every activity has."""

    id: str
    actor: str


def heading(document: Document) -> Heading:
    """`id` and `actor` of an activity, of one origin (SECURITY 16)."""
    id_, actor = id_of(document), uri_of(document.get("actor"))
    if not same_origin(id_, actor):
        raise Malformed("An activity and its actor belong to one server; these do not.")
    return Heading(id=id_, actor=actor)
