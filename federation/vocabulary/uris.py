"""Our own URIs: they carry numbers, not names, so that a handle can change (DECISIONS)."""

from urllib.parse import quote

from storage.engine.site import Site

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
PUBLIC_ALIASES = frozenset((PUBLIC, "as:Public", "Public"))


def application(site: Site) -> str:
    """The server itself."""
    return f"{site.origin}/actor"


def shared_inbox(site: Site) -> str:
    return f"{site.origin}/inbox"


def actor(site: Site, id_: int) -> str:
    return f"{site.origin}/actors/{id_}"


def post(site: Site, id_: int) -> str:
    return f"{site.origin}/posts/{id_}"


def vote(site: Site, id_: int) -> str:
    """URI of somebody's choice in a poll: nothing is ever served there."""
    return f"{site.origin}/votes/{id_}"


def approval(site: Site, id_: int) -> str:
    return f"{site.origin}/approvals/{id_}"


def activity(site: Site, id_: int) -> str:
    return f"{site.origin}/activities/{id_}"


def context(site: Site, id_: int) -> str:
    return f"{site.origin}/contexts/{id_}"


def emoji(site: Site, id_: int) -> str:
    return f"{site.origin}/emojis/{id_}"


def charter(site: Site, id_: int) -> str:
    return f"{site.origin}/charters/{id_}"


def number(site: Site, uri: str, folder: str) -> int | None:
    """The number in one of our URIs of that folder (`actors`, `posts` …), or None."""
    rest = uri.removeprefix(f"{site.origin}/{folder}/")
    return int(rest) if rest != uri and rest.isdecimal() and rest.isascii() else None


def profile_page(site: Site, name: str) -> str:
    """Address where people read about an actor."""
    return f"{site.origin}/@{name}"


def post_page(site: Site, name: str, id_: int) -> str:
    return f"{site.origin}/@{name}/{id_}"


def tag_page(site: Site, name: str) -> str:
    return f"{site.origin}/tags/{quote(name, safe='')}"
