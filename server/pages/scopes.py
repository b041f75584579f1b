"""Scopes in words: what an app may do (SECURITY 70; the scopes of mastodon-api/conventions.md)."""

from collections.abc import Iterable
from dataclasses import dataclass

from server.i18n.translations import N_, translations


@dataclass(frozen=True, slots=True)
class ScopeLine:
    """Right that an app is given: the point, then what it covers."""

    point: str
    covers: str = ""


LINES = {
    "read": (
        N_("Read what you can read:"),
        N_("timelines, lists, notifications, your private mentions."),
    ),
    "write": (N_("Write as you:"), N_("post, answer, vote, send pictures, change your profile.")),
    "follow": (N_("Follow, mute and block"), N_("people for you.")),
    "push": (N_("Wake your phone"), N_("when something comes for you.")),
    "profile": (N_("See who you are:"), N_("your name, your handle and your picture.")),
    "read:accounts": (N_("See your account"), N_("and the people that you can see.")),
    "read:blocks": (N_("See whom you block."), ""),
    "read:bookmarks": (N_("See what you keep for later."), ""),
    "read:favourites": (N_("See what you favourited."), ""),
    "read:filters": (N_("See your filters."), ""),
    "read:follows": (N_("See whom you follow."), ""),
    "read:lists": (N_("See your lists."), ""),
    "read:mutes": (N_("See whom you mute."), ""),
    "read:notifications": (N_("See what has come for you."), ""),
    "read:search": (N_("Search as you."), ""),
    "read:statuses": (N_("Read the posts that you can read,"), N_("private mentions too.")),
    "write:accounts": (N_("Change your profile."), ""),
    "write:blocks": (N_("Block and unblock for you."), ""),
    "write:bookmarks": (N_("Keep posts for later, for you."), ""),
    "write:conversations": (N_("Put away conversations for you."), ""),
    "write:favourites": (N_("Favourite for you."), ""),
    "write:filters": (N_("Change your filters."), ""),
    "write:follows": (N_("Follow and unfollow for you."), ""),
    "write:lists": (N_("Change your lists."), ""),
    "write:media": (N_("Send pictures as you."), ""),
    "write:mutes": (N_("Mute people and threads for you."), ""),
    "write:notifications": (N_("Put away your notifications."), ""),
    "write:reports": (N_("Tell the stewards something in your name."), ""),
    "write:statuses": (N_("Post, answer and delete as you."), ""),
}
FOLLOWING = frozenset(
    f"{verb}:{noun}" for verb in ("read", "write") for noun in ("blocks", "follows", "mutes")
)


def _narrow(scopes: Iterable[str]) -> list[str]:
    """The scopes in the order of LINES, without those that a wider one covers."""
    page_request = set(scopes)
    wide = {name for name in page_request if name in ("read", "write")}
    inner = {name for name in page_request if name.partition(":")[0] in wide and ":" in name}
    if "follow" in page_request:
        inner |= FOLLOWING & page_request
    order = {name: place for place, name in enumerate(LINES)}
    return sorted(page_request - inner, key=lambda name: (order.get(name, len(order)), name))


def _line(name: str, locale: str) -> ScopeLine:
    _ = translations(locale).gettext
    if name in LINES:
        point, covers = LINES[name]
        return ScopeLine(_(point), _(covers) if covers else "")
    if name.startswith("admin:"):
        return ScopeLine(
            _("Do a steward’s work"), _("with your rights (%(scope)s).") % {"scope": name}
        )
    return ScopeLine(_("Use “%(scope)s”.") % {"scope": name})


def may(scopes: Iterable[str], locale: str) -> tuple[ScopeLine, ...]:
    """List what the scopes allow, widest first; every scope that is asked for is in it."""
    return tuple(_line(name, locale) for name in _narrow(scopes))


def may_not(scopes: Iterable[str], locale: str) -> tuple[str, ...]:
    """List what stays out of reach with these scopes."""
    _ = translations(locale).gettext
    page_request = set(scopes)
    lines = [_("See or change your password or your email address."), _("Close your account.")]
    if not any(name.partition(":")[0] in ("write", "follow") for name in page_request):
        lines.insert(0, _("Write, follow or change anything in your name."))
    if not any(name.startswith("admin:") for name in page_request):
        lines.append(_("Do a steward’s work."))
    return tuple(lines)
