"""Errors in what somebody typed: a code for clients, a sentence for people."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class FormError:
    """`code` is the client API's; `sentence` a message of the catalogues, with `values` in it."""

    code: str
    sentence: str
    values: Mapping[str, str | int] = field(default_factory=dict)

    def sentence_in(self, translate: Callable[[str], str] = str) -> str:
        """Sentence in the reader's language."""
        return translate(self.sentence) % dict(self.values)
