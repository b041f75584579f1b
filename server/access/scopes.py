"""OAuth scopes as clients know them: `read` covers `read:statuses`, `follow` four kinds of both."""

from collections.abc import Iterable

_READ = (
    "accounts blocks bookmarks favourites filters follows lists mutes notifications search statuses"
).split()
_WRITE = (
    "accounts blocks bookmarks conversations favourites filters follows lists media mutes"
    " notifications reports statuses"
).split()
_MODERATION = (
    "accounts reports domain_allows domain_blocks ip_blocks email_domain_blocks"
    " canonical_email_blocks"
).split()
_ADMIN = "admin:"
_FOLLOW = ("follows", "blocks", "mutes", "domain_blocks")

KNOWN = frozenset(
    (
        "read",
        "write",
        "follow",
        "push",
        "profile",
        *(f"read:{name}" for name in _READ),
        *(f"write:{name}" for name in _WRITE),
        "admin:read",
        "admin:write",
        *(f"admin:{verb}:{kind}" for verb in ("read", "write") for kind in _MODERATION),
    )
)
SUPPORTED = sorted(KNOWN)


def split(text: str | None) -> list[str]:
    """Scopes as they are written: separated by blanks (or plus signs), each once."""
    return list(dict.fromkeys((text or "read").replace("+", " ").split()))


def covers(granted: Iterable[str], needed: str) -> bool:
    """Whether a token with these scopes may do what needs that one."""
    have = set(granted)
    if needed in have:
        return True
    verb, colon, kind = needed.partition(":")
    if verb == "admin":
        return ":".join(needed.split(":")[:2]) in have
    if not colon:
        return False
    return verb in have or ("follow" in have and kind in _FOLLOW)


def is_admins(scope: str) -> bool:
    """Whether it opens what is an admin's work."""
    return scope.startswith(_ADMIN)


def without_admins(wanted: Iterable[str]) -> list[str]:
    """The scopes that anybody may give."""
    return [scope for scope in wanted if not is_admins(scope)]


def within(wanted: Iterable[str], allowed: Iterable[str]) -> bool:
    """Whether nothing is wanted beyond what is allowed."""
    granted = list(allowed)
    return all(covers(granted, scope) for scope in wanted)
