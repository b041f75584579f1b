"""Actors as `Account`, the user's own as `CredentialAccount`."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import cast

import orjson

from federation.vocabulary import media_urls, uris
from federation.vocabulary.media_urls import Kind
from server.entities import emoji as emoji_entity
from server.entities import shapes
from server.entities.json_parts import Rendered
from server.entities.shared import when
from storage.access import accounts
from storage.access.accounts import Account
from storage.engine.ids import ActorId
from storage.engine.pagination import Page
from storage.engine.site import Site
from storage.engine.transaction import Reader
from storage.people import account_counts, actors, follows
from storage.people.account_counts import AccountCounts, AccountVersion
from storage.people.actors import Actor

MISSING_AVATAR = "/static/avatars/missing.png"
MISSING_HEADER = "/static/headers/missing.png"
# Bits of permissions as clients know them: audit log, dashboard, reports, users, invites; invite.
_STEWARD = 0x4 | 0x8 | 0x10 | 0x400 | 0x800 | 0x10000
_ROLES = {
    "member": ("", 0x10000),
    "steward": ("Steward", _STEWARD),
    "admin": ("Admin", (1 << 20) - 1),
}


def many(reader: Reader, wanted: Iterable[ActorId]) -> dict[ActorId, shapes.Account]:
    """Accounts by the number of their actor; who left, or was turned out, is not among them."""
    found = actors.many(reader, wanted)
    return render(reader, [actor for actor in found.values() if actor.effective_state == "active"])


def whoever(reader: Reader, wanted: Iterable[ActorId]) -> dict[ActorId, shapes.Account]:
    """Accounts as `many`, of everybody: for stewards, and in what concerns the viewer."""
    return render(reader, list(actors.many(reader, wanted).values()))


def in_order(reader: Reader, wanted: Sequence[ActorId]) -> list[shapes.Account]:
    known = many(reader, wanted)
    return [known[id_] for id_ in wanted if id_ in known]


def render(reader: Reader, found: Sequence[Actor]) -> dict[ActorId, shapes.Account]:
    gone_on = _moved_to(reader, found)
    known = account_counts.many(reader, [actor.id for actor in (*found, *gone_on.values())])

    said = _emojis(reader, (*found, *gone_on.values()))

    def account(actor: Actor) -> shapes.Account:
        return _account(reader.site, actor, known[actor.id], said[actor.id])

    return {
        actor.id: account(actor)
        | ({"moved": account(gone_on[actor.moved_to])} if actor.moved_to in gone_on else {})
        for actor in found
    }


def _emojis(reader: Reader, found: Iterable[Actor]) -> dict[ActorId, list[shapes.CustomEmoji]]:
    return emoji_entity.find_used(reader, {one.id: emoji_entity.texts_of(one) for one in found})


def _moved_to(reader: Reader, found: Sequence[Actor]) -> dict[str | None, Actor]:
    """Accounts that those who moved have now, as far as we know them."""
    wanted = [actor.moved_to for actor in found if actor.moved_to]
    ids = actors.ids_by_uri(reader, wanted) if wanted else {}
    known = actors.many(reader, ids.values()) if ids else {}
    return {actor.uri: actor for actor in known.values() if actor.effective_state == "active"}


def one(reader: Reader, actor: Actor) -> shapes.Account:
    return render(reader, [actor])[actor.id]


def bare(site: Site, actor: Actor) -> shapes.Account:
    """Account of somebody whom nobody sees any more: a handle, and nothing else."""
    nobody = replace(actor, display_name="", summary="", fields=(), avatar=None, header=None)
    return _account(site, actors.as_active(nobody), AccountCounts(), [])


def by_number(reader: Reader, wanted: Iterable[ActorId]) -> dict[int, Rendered]:
    """Accounts as `many`, taken from the cache where they are in it."""
    found = render_cached(reader, account_counts.account_versions(reader, wanted))
    return {id_: Rendered(rendered) for id_, rendered in found.items()}


def render_cached(
    reader: Reader, account_versions: Iterable[AccountVersion]
) -> dict[ActorId, bytes]:
    """Accounts as JSON by the number of their actor; rendered only where they are not cached."""
    wanted = {account_version.actor: account_version for account_version in account_versions}
    cached = ((id_, reader.cache.get(account_version)) for id_, account_version in wanted.items())
    found = {id_: rendered for id_, rendered in cached if rendered is not None}
    missing = wanted.keys() - found.keys()
    new = actors.many(reader, missing) if missing else {}
    said = _emojis(reader, new.values())
    for id_, actor in new.items():
        found[id_] = orjson.dumps(_account(reader.site, actor, wanted[id_].counts, said[id_]))
        reader.cache.put(wanted[id_], found[id_])
    return found


def _account(
    site: Site, actor: Actor, counts: AccountCounts, emojis: list[shapes.CustomEmoji]
) -> shapes.Account:
    midnight = actor.created_at.replace(hour=0, minute=0, second=0, microsecond=0)
    avatar = _picture(site, actor, "avatar", actor.avatar, MISSING_AVATAR)
    header = _picture(site, actor, "header", actor.header, MISSING_HEADER)
    account: shapes.Account = {
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
        "url": page_of(site, actor),
        "uri": actor.uri,
        "avatar": avatar,
        "avatar_static": avatar,
        "header": header,
        "header_static": header,
        "followers_count": counts.followers,
        "following_count": counts.following,
        "statuses_count": counts.posts,
        "last_status_at": None if counts.newest is None else counts.newest.date().isoformat(),
        "hide_collections": actor.hide_collections,
        "emojis": emojis,
        "fields": _fields(actor),
    }
    if actor.is_local:
        account |= {"noindex": not actor.indexable, "roles": []}
    if actor.effective_state == "suspended":
        account["suspended"] = True
    if actor.silenced:
        account["limited"] = True
    return account


def _fields(actor: Actor) -> list[shapes.Field]:
    return [
        {"name": field.name, "value": field.value, "verified_at": field.verified_at}
        for field in actor.fields
    ]


def page_of(site: Site, actor: Actor) -> str:
    """Address of the profile for people: never nothing."""
    return uris.profile_page(site, actor.name) if actor.is_local else actor.url or actor.uri


def _picture(site: Site, actor: Actor, kind: Kind, picture: str | None, missing: str) -> str:
    """Address of a picture; of others through us, which hides readers from their servers."""
    if picture is None:
        return f"{site.origin}{missing}"
    if actor.is_local:
        return media_urls.public(site, picture)
    return media_urls.proxy_address(site, kind, actor.id, picture)


def credential(reader: Reader, actor: Actor, account: Account) -> shapes.CredentialAccount:
    """Account of the user, with what they wrote, their defaults and their role."""
    requests = follows.page_of_followers(reader, actor.id, Page(500), "pending")
    shown = one(reader, actor)
    source: shapes.AccountSource = {
        "privacy": account.settings.get("privacy", "public"),
        "sensitive": bool(account.settings.get("sensitive", False)),
        "language": account.settings.get("language"),
        "quote_policy": account.settings.get("quote_policy", "public"),
        "note": actor.summary_source or "",
        "fields": [
            {"name": field.name, "value": field.source, "verified_at": field.verified_at}
            for field in actor.fields
        ],
        "follow_requests_count": len(requests),
        "discoverable": actor.discoverable,
        "indexable": actor.indexable,
        "hide_collections": actor.hide_collections,
    }
    mine = {**shown, "source": source, "role": role(account.role)}
    return cast("shapes.CredentialAccount", mine)


def role(name: str) -> shapes.Role:
    """Permissions of a member, as `Role`."""
    title, permissions = _ROLES[name]
    return {
        "id": str(list(_ROLES).index(name)),
        "name": title,
        "color": "",
        "permissions": str(permissions),
        "highlighted": name != "member",
        "collection_limit": None,
    }


def active_month(reader: Reader) -> int:
    """Number of members who used their account in the last 30 days."""
    since = reader.now - timedelta(days=30)
    return accounts.active_since(reader, int(since.timestamp() * 1000))
