"""Refusals by name, of whatever does things for people; `errors` turns them into answers."""

from server.i18n.form_errors import FormError


class CannotDecide(Exception):
    """`mistake` says why; `missing` where there is no such account."""

    def __init__(self, sentence: str, *, missing: bool = False, **values: str | int) -> None:
        self.form_error = FormError("ERR_INVALID", sentence, values)
        super().__init__(self.form_error.said())
        self.missing = missing
