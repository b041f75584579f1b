"""Parameters of files that clients send: parsed once, into values."""

import re

from federation.objects.attachment import inside, tidy_description
from server.actions.posts.media_attachments import MOST, NOT_YOURS, Described, MediaParams
from server.http.errors import unprocessable
from server.http.forms import Form
from server.http.parsing import id_of

_FOCUS = re.compile(r"\s*([+-]?[0-9]{0,3}\.?[0-9]{0,20})\s*,\s*([+-]?[0-9]{0,3}\.?[0-9]{0,20})\s*")
LONGEST_DESCRIPTION = 10_000

NO_FOCUS = "“focus” should be two numbers between -1 and 1, such as 0.2,-0.5."
NO_POLL = "A post can have a poll or pictures, not both. Nothing was posted."
TOO_MANY = f"A post can have up to {MOST} pictures. Nothing was posted."


def parse_media(form: Form) -> MediaParams:
    """A new file with its description. Raises Refused, 422."""
    file = form.upload("file")
    if file is None:
        raise unprocessable("“file” is needed for this, and it was not sent.")
    return MediaParams(file.data, parse_description(form))


def parse_description(form: Form) -> Described:
    """Description and focus as they were sent; None for what was not.

    A `thumbnail` may come with it: a picture is its own preview, so it is not looked at.
    """
    text = form.text("description")
    if text is not None and len(text) > LONGEST_DESCRIPTION:
        raise unprocessable(
            f"This description is {len(text)} characters long; we can take {LONGEST_DESCRIPTION}."
        )
    description = None if text is None else tidy_description(text)
    return Described(description, _focus(form.text("focus", 100)))


def _focus(text: str | None) -> tuple[float, float] | None:
    if text is None or not text.strip():
        return None
    match = _FOCUS.fullmatch(text)
    try:
        found = inside(float(match[1]), float(match[2])) if match else None
    except ValueError:
        found = None
    if found is None:
        raise unprocessable(NO_FOCUS)
    return found


def parse_ids(form: Form) -> tuple[int, ...]:
    """The numbers of the files that are to hang on a post; not beside a poll."""
    texts = list(dict.fromkeys(form.texts("media_ids")))
    if len(texts) > MOST:
        raise unprocessable(TOO_MANY)
    if texts and form.group("poll"):
        raise unprocessable(NO_POLL)
    ids = [id_ for text in texts if (id_ := id_of(text)) is not None]
    if len(ids) != len(texts):
        raise unprocessable(NOT_YOURS)
    return tuple(ids)


def parse_attributes(form: Form) -> dict[int, Described]:
    """`media_attributes`: how files of a post are described from now on, by number."""
    found = {}
    for one in form.groups("media_attributes") or ():
        id_, described = id_of(one.text("id", 30) or ""), parse_description(one)
        if id_ is not None:
            found[id_] = described
    return found
