"""Every kind of work for later, with what is known of each piece of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, Self, cast

from storage.engine.ids import ActorId

Occasion = Literal["confirm", "asked", "report", "decision", "undone", "welcome"]


class Payload(Protocol):
    """Work to be done. `kind` and `subject()` name it: of each pair there is one at most."""

    kind: ClassVar[str]

    def subject(self) -> str: ...

    def detail(self) -> Mapping[str, Any]: ...

    @classmethod
    def parse(cls, subject: str, detail: Mapping[str, Any]) -> Self: ...


@dataclass(frozen=True, slots=True)
class _OfNumber:
    """Work about something that its number names."""

    number: int

    def subject(self) -> str:
        return str(self.number)

    def detail(self) -> Mapping[str, Any]:
        return {}

    @classmethod
    def parse(cls, subject: str, _: Mapping[str, Any]) -> Self:
        return cls(int(subject))


@dataclass(frozen=True, slots=True)
class SendEmail:
    """An e-mail about what happened; `about` is the number of an account, report or decision.

    `action` says what was taken back, where the occasion is that.
    """

    kind: ClassVar[str] = "letter"

    occasion: Occasion
    about: int
    action: str = ""

    @property
    def account(self) -> ActorId:
        """Account that it is about, where the occasion is neither a report nor a decision."""
        return ActorId(self.about)

    def subject(self) -> str:
        return f"{self.occasion} {self.about} {self.action}".rstrip()

    def detail(self) -> Mapping[str, Any]:
        return {}

    @classmethod
    def parse(cls, subject: str, _: Mapping[str, Any]) -> Self:
        occasion, about, *action = subject.split()
        return cls(cast("Occasion", occasion), int(about), *action)


@dataclass(frozen=True, slots=True)
class TellModerators(_OfNumber):
    """A report came, from here or from elsewhere: its number."""

    kind: ClassVar[str] = "report came"


@dataclass(frozen=True, slots=True)
class EraseActor(_OfNumber):
    """Erasure of an actor who left, or was turned out for good: taken out in slices."""

    kind: ClassVar[str] = "erase"

    @property
    def actor(self) -> ActorId:
        return ActorId(self.number)


@dataclass(frozen=True, slots=True)
class EndSuspension(_OfNumber):
    """An actor who has been suspended for as long as it can be taken back is deleted then."""

    kind: ClassVar[str] = "end of a suspension"

    @property
    def actor(self) -> ActorId:
        return ActorId(self.number)


@dataclass(frozen=True, slots=True)
class CarryOutImport(_OfNumber):
    """A file that a member brought: the number of the import."""

    kind: ClassVar[str] = "import"


@dataclass(frozen=True, slots=True)
class MakeArchive:
    """Archive of all that a member said, to take along; it is fetched by the number `export`."""

    kind: ClassVar[str] = "archive"

    actor: ActorId
    export: int

    def subject(self) -> str:
        return str(self.actor)

    def detail(self) -> Mapping[str, Any]:
        return {"export": self.export}

    @classmethod
    def parse(cls, subject: str, detail: Mapping[str, Any]) -> Self:
        return cls(ActorId(int(subject)), detail["export"])


@dataclass(frozen=True, slots=True)
class FetchFeatured:
    """Fetch of what a new actor of another server shows first, by their URI."""

    kind: ClassVar[str] = "featured"

    uri: str

    def subject(self) -> str:
        return self.uri

    def detail(self) -> Mapping[str, Any]:
        return {}

    @classmethod
    def parse(cls, subject: str, _: Mapping[str, Any]) -> Self:
        return cls(subject)


@dataclass(frozen=True, slots=True)
class _Downwards:
    """A walk through all there is, newest first; `below`: what has a lower number is left."""

    name: str = "all"
    below: int = (1 << 63) - 1

    def subject(self) -> str:
        return self.name

    def detail(self) -> Mapping[str, Any]:
        return {"below": self.below}

    @classmethod
    def parse(cls, subject: str, detail: Mapping[str, Any]) -> Self:
        return cls(subject, detail["below"]) if detail else cls(subject)


@dataclass(frozen=True, slots=True)
class IndexPosts(_Downwards):
    """Posts that came before there was a search."""

    kind: ClassVar[str] = "index posts"


@dataclass(frozen=True, slots=True)
class FindConversations(_Downwards):
    """Posts that came before there were conversations."""

    kind: ClassVar[str] = "find conversations"


KINDS: tuple[type[Payload], ...] = (
    SendEmail,
    TellModerators,
    EraseActor,
    EndSuspension,
    CarryOutImport,
    MakeArchive,
    FetchFeatured,
    IndexPosts,
    FindConversations,
)
