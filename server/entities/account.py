"""Actors as `Account`, the caller's own as `CredentialAccount`."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from federation import uris
from server.entities.shared import when
from storage import accounts, actors, follows, tallies
from storage.accounts import Account
from storage.actors import Actor
from storage.here import Here
from storage.paging import Page
from storage.tallies import Tally
from storage.units import Reader

MISSING_AVATAR = "/static/avatars/missing.png"
MISSING_HEADER = "/static/headers/missing.png"
_ROLES = {"member": ("", 0), "steward": ("Steward", 1 << 0), "admin": ("Admin", (1 << 20) - 1)}


def many(reader: Reader, wanted: Iterable[int]) -> dict[int, dict[str, Any]]:
    """Accounts by the number of their actor; those who left are not among them."""
    found = actors.many(reader, wanted)
    return render(reader, [actor for actor in found.values() if actor.state != "deleted"])


def in_order(reader: Reader, wanted: Sequence[int]) -> list[dict[str, Any]]:
    known = many(reader, wanted)
    return [known[id_] for id_ in wanted if id_ in known]


def render(reader: Reader, found: Sequence[Actor]) -> dict[int, dict[str, Any]]:
    ids = [actor.id for actor in found]
    known = tallies.many(reader, ids)
    return {actor.id: _account(reader.here, actor, known[actor.id]) for actor in found}


def one(reader: Reader, actor: Actor) -> dict[str, Any]:
    return render(reader, [actor])[actor.id]


def _account(here: Here, actor: Actor, tally: Tally) -> dict[str, Any]:
    midnight = actor.created_at.replace(hour=0, minute=0, second=0, microsecond=0)
    account: dict[str, Any] = {
        "id": str(actor.id),
        "username": actor.name,
        "acct": actor.acct,
        "display_name": actor.display_name,
        "locked": actor.locked,
        "bot": actor.bot,
        "discoverable": actor.discoverable,
        "indexable": actor.indexable,
        "group": actor.type == "Group",
        "created_at": when(midnight),
        "note": actor.summary,
        "url": page_of(here, actor),
        "uri": actor.uri,
        **_pictures(here, actor),
        "followers_count": tally.followers,
        "following_count": tally.following,
        "statuses_count": tally.posts,
        "last_status_at": None if tally.newest is None else tally.newest.date().isoformat(),
        "hide_collections": actor.hide_collections,
        "emojis": [],
        "fields": [
            {"name": field.name, "value": field.value, "verified_at": field.verified_at}
            for field in actor.fields
        ],
    }
    if actor.is_local:
        account |= {"noindex": not actor.indexable, "roles": []}
    if actor.state == "suspended":
        account["suspended"] = True
    return account


def page_of(here: Here, actor: Actor) -> str:
    """The profile for people: never nothing."""
    return uris.profile_page(here, actor.name) if actor.is_local else actor.url or actor.uri


def _pictures(here: Here, actor: Actor) -> dict[str, str]:
    avatar = _picture(here, actor, actor.avatar, MISSING_AVATAR)
    header = _picture(here, actor, actor.header, MISSING_HEADER)
    return {"avatar": avatar, "avatar_static": avatar, "header": header, "header_static": header}


def _picture(here: Here, actor: Actor, picture: str | None, missing: str) -> str:
    if picture is None:
        return f"{here.origin}{missing}"
    return f"{here.origin}/media/{picture}" if actor.is_local else picture


def credential(reader: Reader, actor: Actor, account: Account) -> dict[str, Any]:
    """The caller's own: with what they wrote, their defaults and their role."""
    requests = follows.page_of_followers(reader, actor.id, Page(500), "pending")
    name, permissions = _ROLES[account.role]
    role = {"id": str(list(_ROLES).index(account.role)), "name": name, "color": ""}
    return {
        **one(reader, actor),
        "source": {
            "privacy": account.settings.get("privacy", "public"),
            "sensitive": bool(account.settings.get("sensitive", False)),
            "language": account.settings.get("language"),
            "note": actor.summary_source or "",
            "fields": [
                {"name": field.name, "value": field.source, "verified_at": field.verified_at}
                for field in actor.fields
            ],
            "follow_requests_count": len(requests),
            "discoverable": actor.discoverable,
            "indexable": actor.indexable,
            "hide_collections": actor.hide_collections,
        },
        "role": {**role, "permissions": str(permissions), "highlighted": account.role != "member"},
    }


def active_month(reader: Reader) -> int:
    """How many members used their account in the last 30 days."""
    since = reader.now - timedelta(days=30)
    return accounts.active_since(reader, int(since.timestamp() * 1000))
