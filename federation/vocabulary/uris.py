"""Our own URIs: they carry numbers, not names, so that a handle can change (DECISIONS)."""

from storage.engine.site import Here

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
PUBLIC_ALIASES = frozenset((PUBLIC, "as:Public", "Public"))


def application(here: Here) -> str:
    """The server itself."""
    return f"{here.origin}/actor"


def shared_inbox(here: Here) -> str:
    return f"{here.origin}/inbox"


def actor(here: Here, id_: int) -> str:
    return f"{here.origin}/actors/{id_}"


def post(here: Here, id_: int) -> str:
    return f"{here.origin}/posts/{id_}"


def vote(here: Here, id_: int) -> str:
    """Of somebody's choice in a poll: nothing is ever served there."""
    return f"{here.origin}/votes/{id_}"


def approval(here: Here, id_: int) -> str:
    return f"{here.origin}/approvals/{id_}"


def activity(here: Here, id_: int) -> str:
    return f"{here.origin}/activities/{id_}"


def context(here: Here, id_: int) -> str:
    return f"{here.origin}/contexts/{id_}"


def emoji(here: Here, id_: int) -> str:
    return f"{here.origin}/emojis/{id_}"


def charter(here: Here, id_: int) -> str:
    return f"{here.origin}/charters/{id_}"


def number(here: Here, uri: str, folder: str) -> int | None:
    """The number in one of our URIs of that folder (`actors`, `posts` …), or None."""
    rest = uri.removeprefix(f"{here.origin}/{folder}/")
    return int(rest) if rest != uri and rest.isdecimal() and rest.isascii() else None


def profile_page(here: Here, name: str) -> str:
    """Where people read it."""
    return f"{here.origin}/@{name}"


def post_page(here: Here, name: str, id_: int) -> str:
    return f"{here.origin}/@{name}/{id_}"


def tag_page(here: Here, name: str) -> str:
    return f"{here.origin}/tags/{name}"
