"""Common ground of verbs around another verb: Undo, Accept, Reject know no concrete one."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Self

from federation.activity import Activity, Unknown, find_activity, heading, parse_activity
from federation.vocabulary.json_documents import Document, uri_of
from storage.engine.transaction import Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrapping(Activity):
    """`inner` is the activity it is about, or its bare URI."""

    inner: Activity | str

    @classmethod
    def parse(cls, document: Document) -> Self:
        inner = document.get("object")
        if isinstance(inner, Mapping) and "type" in inner and "object" in inner:
            return cls(**heading(document), inner=parse_activity(inner))
        return cls(**heading(document), inner=uri_of(inner))

    def render(self) -> Document:
        inner = self.inner if isinstance(self.inner, str) else self.inner.render()
        return self.about(inner)

    def find_inner(self, reader: Reader) -> Activity:
        """The inner activity. Raises Unknown."""
        if isinstance(self.inner, Activity):
            return self.inner
        known = find_activity(reader, self.inner, self.actor)
        if known is None:
            raise Unknown("What it refers to is not known here.")
        return known

    def audience(self, reader: Reader) -> Collection[str]:
        return self.find_inner(reader).audience(reader)

    def subject(self) -> str:
        return self.inner if isinstance(self.inner, str) else self.inner.subject()
