"""People, communities and servers: their AS2 documents as values, and our rows as documents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from federation.errors import Malformed
from federation.objects import emoji
from federation.objects.note import link, stamp
from federation.transport.keys import algorithm_of, multibase
from federation.transport.urls import same_origin
from federation.vocabulary import uris
from federation.vocabulary.json_documents import (
    Document,
    embedded,
    flag,
    is_a,
    kind,
    moment,
    natural,
    uri_of,
    uris_of,
)
from federation.vocabulary.sanitize_html import clean, clean_field, line, safe_url
from storage.engine.site import Site
from storage.media.emojis import Emoji
from storage.people.actors import Actor, Field, as_active
from storage.people.keys import Key

TYPES = ("Person", "Service", "Group", "Organization", "Application")
MOST_ALIASES = 256
MOST_FIELDS = 16
MOST_KEYS = 10


@dataclass(frozen=True, slots=True)
class PublicKey:
    """Key as an actor lists it; PEM."""

    id: str
    algorithm: str
    pem: str

    @property
    def address(self) -> str:
        """Address of the key's own document, or of its owner's."""
        return self.id.partition("#")[0]


@dataclass(frozen=True, slots=True)
class ActorDocument:
    """Actor as a document describes them. `row` has no number, domain or moment of ours yet.

    `suspended`: by their own server.
    """

    row: Actor
    keys: tuple[PublicKey, ...]
    claimed_handle: str | None
    emojis: tuple[Emoji, ...] = ()
    suspended: bool = False


def parse(document: Document) -> ActorDocument:
    """Read an actor of another server. Raises Malformed."""
    type_ = kind(document, TYPES)
    if type_ not in TYPES:
        raise Malformed(f"A {type_[:40]} is not an actor.")
    id_ = uri_of(document.get("id"))
    name = line(document.get("preferredUsername"), 200)
    if not name or "@" in name or "/" in name:
        raise Malformed("The actor has no name that a handle could have.")
    endpoints = document.get("endpoints")
    shared = endpoints.get("sharedInbox") if isinstance(endpoints, dict) else None
    row = Actor(
        id=0,  # type: ignore[arg-type]
        uri=id_,
        type=type_,
        name=name,
        display_name=line(natural(document, "name"), 2048)[:500],
        summary=clean((natural(document, "summary") or "")[:20_000]),
        fields=_fields(document),
        url=link(document.get("url")),
        inbox=_own(id_, document.get("inbox"), required=True) or "",
        shared_inbox=_own(id_, shared),
        outbox=_own(id_, document.get("outbox")),
        followers=_own(id_, document.get("followers")),
        following=_own(id_, document.get("following")),
        featured=_own(id_, document.get("featured")),
        avatar=_picture(document.get("icon")),
        header=_picture(document.get("image")),
        locked=flag(document, "manuallyApprovesFollowers") or False,
        bot=type_ in ("Service", "Application"),
        discoverable=flag(document, "discoverable") or False,
        indexable=flag(document, "indexable") or False,
        access=_access(document, type_),
        also_known_as=tuple(uris_of(document.get("alsoKnownAs"), MOST_ALIASES)),
        moved_to=_moved_uri(document),
        created_at=moment(document, "published") or _EPOCH,
    )
    emojis = emoji.parse(document, id_)
    suspended = flag(document, "suspended") or False
    return ActorDocument(row, _keys(document, id_), _claimed_uri(document), emojis, suspended)


def _claimed_uri(document: Document) -> str | None:
    claimed = document.get("webfinger")
    return claimed if isinstance(claimed, str) else None


_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def _own(actor: str, value: object, *, required: bool = False) -> str | None:
    """A box or collection on the actor's own origin (SECURITY 14); others are ignored."""
    values = uris_of(value, 1)
    if values and same_origin(actor, values[0]):
        return values[0]
    if required:
        raise Malformed("The actor has no inbox on its own server.")
    return None


def _picture(value: object) -> str | None:
    values = value if isinstance(value, list) else [value]
    for one in values:
        url = link(one.get("url")) if isinstance(one, dict) else safe_url(one)
        if url:
            return url
    return None


def _access(document: Document, type_: str) -> str:
    """A Group is private if either word says so (wire/WIRE.md 3.2)."""
    if type_ != "Group":
        return "open"
    stated = document.get("accessType")
    if stated in ("closed", "private"):
        return str(stated)
    return "private" if flag(document, "manuallyApprovesFollowers") else "open"


def _moved_uri(document: Document) -> str | None:
    moved = uris_of(document.get("movedTo"), 1)
    return moved[0] if moved else None


def _fields(document: Document) -> tuple[Field, ...]:
    attachments = document.get("attachment")
    listed = attachments if isinstance(attachments, list) else [attachments]
    found = [
        Field(line(one.get("name"), 255), clean_field(str(one.get("value") or "")[:2048]))
        for one in listed
        if isinstance(one, dict) and is_a(one, "PropertyValue")
    ]
    return tuple(one for one in found if one.name)[:MOST_FIELDS]


def _keys(document: Document, owner: str) -> tuple[PublicKey, ...]:
    listed = document.get("publicKey")
    entries = listed if isinstance(listed, list) else [listed]
    found = [_key(entry, owner) for entry in entries[:MOST_KEYS] if isinstance(entry, dict)]
    return tuple(key for key in found if key is not None)


def _key(entry: Document, owner: str) -> PublicKey | None:
    """A key that the actor says is theirs, on their own origin; anything else is left out."""
    try:
        id_, pem = uri_of(entry.get("id")), entry.get("publicKeyPem")
        if uri_of(entry.get("owner")) != owner or not same_origin(id_, owner):
            return None
        return PublicKey(id_, algorithm_of(pem), pem) if isinstance(pem, str) else None
    except Malformed:
        return None


def key_owner(document: Document) -> str:
    """Owner of a key, as the key's own document says. Raises Malformed."""
    return uri_of(embedded(document).get("owner"))


# ---- ours, as others read it ----


def render(
    site: Site,
    actor: Actor,
    keys: Sequence[Key],
    media: str,
    emoji_tags: Sequence[Mapping[str, Any]] = (),
) -> Document:
    """The actor's document, without a context; `media` is the address of our media folder.

    Of somebody suspended it says that, where their keys are, and nothing of them.
    """
    if actor.effective_state == "suspended":
        shown = replace(actor, display_name="", summary="", discoverable=False, fields=())
        shown = as_active(replace(shown, avatar=None, header=None))
        bare = render(site, shown, keys, media)
        return {**bare, "suspended": True}
    document: dict[str, Any] = {
        "id": actor.uri,
        "type": "Service" if actor.bot and actor.type == "Person" else actor.type,
        "preferredUsername": actor.name,
        "name": actor.display_name or actor.name,
        "webfinger": f"{actor.name}@{site.domain}",
        "inbox": actor.inbox,
        "outbox": actor.outbox,
        "endpoints": {"sharedInbox": uris.shared_inbox(site)},
        **_render_keys(actor, keys),
        "summary": actor.summary,
        "manuallyApprovesFollowers": actor.locked,
        "discoverable": actor.discoverable,
    }
    if actor.type == "Application":
        return document | {"url": f"{site.origin}/about", "implements": CAPABILITIES}
    tags = {"tag": list(emoji_tags)} if emoji_tags else {}
    return {**document, **_personal(site, actor, media), **tags}


CAPABILITIES: list[dict[str, str]] = []  # FEP-844e: nothing is claimed before it works


def _personal(site: Site, actor: Actor, media: str) -> Document:
    optional = {
        "icon": _image(media, actor.avatar),
        "image": _image(media, actor.header),
        "alsoKnownAs": list(actor.also_known_as) or None,
        "movedTo": actor.moved_to,
    }
    return {
        "url": uris.profile_page(site, actor.name),
        "followers": actor.followers,
        "following": actor.following,
        "featured": actor.featured,
        "indexable": actor.indexable,
        "published": stamp(actor.created_at),
        "attachment": [
            {"type": "PropertyValue", "name": field.name, "value": field.value}
            for field in actor.fields
        ],
        "generator": {"id": uris.application(site), "type": "Application"},
        **_group(actor),
        **{name: value for name, value in optional.items() if value is not None},
    }


def _group(actor: Actor) -> Document:
    if actor.type != "Group":
        return {}
    openness = "moderated" if actor.locked else "open"
    return {"accessType": actor.access, "openness": openness}


def _image(media: str, file: str | None) -> dict[str, str] | None:
    if file is None:
        return None
    mime = "image/gif" if file.endswith(".gif") else _MIME.get(file.rpartition(".")[2], "image/png")
    return {"type": "Image", "mediaType": mime, "url": f"{media}/{file}"}


_MIME = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp", "gif": "image/gif"}


def _render_keys(actor: Actor, keys: Sequence[Key]) -> Document:
    rsa = [key for key in keys if key.algorithm == "rsa"]
    ed25519 = [key for key in keys if key.algorithm == "ed25519"]
    found: dict[str, Any] = {}
    if rsa:
        found["publicKey"] = {
            "id": rsa[0].uri,
            "owner": actor.uri,
            "publicKeyPem": rsa[0].public,
        }
    if ed25519:
        found["assertionMethod"] = [
            {
                "id": key.uri,
                "type": "Multikey",
                "controller": actor.uri,
                "publicKeyMultibase": multibase(key.public),
            }
            for key in ed25519
        ]
    return found
