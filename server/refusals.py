"""Refusals by name, of whatever does things for people; `http.errors` turns them into answers."""

from typing import Any

from server.i18n.form_errors import FormError

NOT_THERE = "Record not found"
NOT_ALLOWED = "This action is not allowed"


class Refusal(Exception):
    """A no, with a sentence for people and details for programs; nothing was changed."""

    def __init__(self, sentence: str, **details: Any) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.details = details


class Invalid(Refusal):
    """Refusal of what was understood and cannot be done as it was asked for."""


class NotAllowed(Refusal):
    """Refusal of what this member may not do."""

    def __init__(self, sentence: str = NOT_ALLOWED) -> None:
        super().__init__(sentence)


class NotThere(Refusal):
    """The same for what is hidden and for what is not there (SECURITY 77)."""

    def __init__(self, sentence: str = NOT_THERE) -> None:
        super().__init__(sentence)


class CannotDecide(Exception):
    """`form_error` says why; `missing` where there is no such account."""

    def __init__(self, sentence: str, *, missing: bool = False, **values: str | int) -> None:
        self.form_error = FormError("ERR_INVALID", sentence, values)
        super().__init__(self.form_error.sentence_in())
        self.missing = missing
