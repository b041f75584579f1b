"""Changes of a profile and of defaults: checked, made into markup, told, written."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from federation.activities import Update
from federation.objects import actor as actor_object
from federation.objects import from_rows
from federation.outbound import outbox
from federation.vocabulary import uris
from federation.vocabulary.language_tags import parse_language
from federation.vocabulary.sanitize_html import line, printable
from server.actions.posts import markup
from server.actions.posts.markup import Handle, Mentioned
from server.actions.posts.mentions import resolve
from server.actions.services import Services
from server.media.store import Ingested
from server.media.store import address as media_address
from server.refusals import NotAllowed
from storage.access import accounts
from storage.access.accounts import Preferences
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Writer
from storage.media import attachments
from storage.media.attachments import Media
from storage.people import actors, keys
from storage.people.actors import Actor, Field

MOST_FIELDS = 4
LONGEST_NAME = 100
LONGEST_NOTE = 500
LONGEST_OF_FIELD = 255
VISIBILITIES = ("public", "unlisted", "private")
QUOTE_POLICIES = ("public", "followers", "nobody")
FLAGS = ("locked", "bot", "discoverable", "indexable", "hide_collections")
PictureKind = Literal["avatar", "header"]
PURPOSES: tuple[PictureKind, ...] = ("avatar", "header")
_LINE = 10_000  # of a line that is too long, so much is counted

N_ = str  # marks a sentence for the catalogue; pages say it in the reader's language
TOO_LONG = N_("This is %(count)s characters long; we can take up to %(most)s.")
TOO_MANY = N_("These are %(count)s labels with values; we can take up to %(most)s.")
NO_LABEL = N_("This value needs a label beside it.")
NO_AUDIENCE = N_("Please choose one of the audiences that are offered.")
NO_LANGUAGE = N_("Please choose one of the languages that are offered.")


@dataclass(frozen=True, slots=True)
class ProfileError:
    """Objection to a value: Mastodon's code, and a sentence with what fills it.

    `name` is that in the form of the page, such as `field_value_2`.
    """

    name: str
    code: str
    sentence: str
    values: Mapping[str, object] = field(default_factory=dict)

    def sentence_in(self, sentence: str | None = None) -> str:
        """The sentence, or its translation, filled."""
        return (sentence or self.sentence) % self.values


class InvalidProfile(Exception):
    """Refusal of a change that cannot be made; nothing was changed."""

    def __init__(self, found: Sequence[ProfileError]) -> None:
        super().__init__(" ".join(one.sentence_in() for one in found))
        self.found = tuple(found)


Removed = Literal["removed"]
REMOVED: Removed = "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileParams:
    """Changes that a member wants in their profile; None stays as it is.

    `fields` are all of them, (label, value) as written; `avatar` and `header` the bytes of a new
    picture, or REMOVED. `settings` are defaults for writing by name, where None takes one away.
    """

    display_name: str | None = None
    note: str | None = None
    fields: tuple[tuple[str, str], ...] | None = None
    flags: Mapping[str, bool] = field(default_factory=dict)
    avatar: bytes | Removed | None = None
    header: bytes | Removed | None = None
    settings: Preferences = field(default_factory=Preferences)


@dataclass(frozen=True, slots=True)
class _Made:
    """Parts made before the unit, as they take time: who is mentioned, pictures taken in."""

    mentioned: Mapping[Handle, Actor]
    pictures: Mapping[PictureKind, Ingested]


async def change(services: Services, me: Actor, params: ProfileParams) -> None:
    """Do what is wished, whole or not at all. Raises InvalidProfile, or Refused for a picture."""
    params = _tidy(params)
    if found := await asyncio.to_thread(validate, params):  # a note may be as long as a form
        raise InvalidProfile(found)
    mentioned = await resolve(services, _handles(params))
    pictures = await _take_in_pictures(services, me.id, params)
    origin = services.settings.web_origin
    try:
        dropped = await services.database.write(
            _change, me.id, params, _Made(mentioned, pictures), media_address(origin)
        )
    except BaseException:
        await _remove(services, [picture.file for picture in pictures.values()])
        raise
    await _remove(services, dropped)


# ---- what can be taken ----


def _tidy(params: ProfileParams) -> ProfileParams:
    """Names as one line, and text without what cannot be printed."""
    name, note, fields = params.display_name, params.note, params.fields
    if fields is not None:
        fields = tuple((line(label, _LINE), line(value, _LINE)) for label, value in fields)
    return replace(
        params,
        display_name=None if name is None else line(name, _LINE),
        note=None if note is None else printable(note).strip(),
        fields=fields,
    )


def validate(params: ProfileParams) -> list[ProfileError]:
    """List all errors that stand in the way of a change, in the order of the form."""
    name, note, fields = params.display_name or "", params.note or "", params.fields or ()
    return [
        *_too_long("display_name", len(name), LONGEST_NAME),
        *_too_long("note", markup.length(note), LONGEST_NOTE),
        *_too_many(_filled_fields(fields)),
        *(one for slot, pair in enumerate(fields, 1) for one in _validate_field(slot, *pair)),
        *_validate_settings(params.settings),
    ]


def _too_long(name: str, count: int, most: int) -> list[ProfileError]:
    values = {"count": count, "most": most}
    return [ProfileError(name, "ERR_TOO_LONG", TOO_LONG, values)] if count > most else []


def _too_many(fields: Sequence[tuple[str, str]]) -> list[ProfileError]:
    if len(fields) <= MOST_FIELDS:
        return []
    values = {"count": len(fields), "most": MOST_FIELDS}
    return [ProfileError("fields", "ERR_TOO_LONG", TOO_MANY, values)]


def _validate_field(slot: int, label: str, value: str) -> list[ProfileError]:
    found = _too_long(f"field_name_{slot}", len(label), LONGEST_OF_FIELD)
    found += _too_long(f"field_value_{slot}", len(value), LONGEST_OF_FIELD)
    if value and not label:
        found.append(ProfileError(f"field_name_{slot}", "ERR_BLANK", NO_LABEL))
    return found


def _validate_settings(settings: Preferences) -> list[ProfileError]:
    found = []
    if settings.get("privacy", "public") not in VISIBILITIES:
        found.append(ProfileError("visibility", "ERR_INCLUSION", NO_AUDIENCE))
    if settings.get("quote_policy", "public") not in QUOTE_POLICIES:
        found.append(ProfileError("quote_policy", "ERR_INCLUSION", NO_AUDIENCE))
    language = settings.get("language")
    if language is not None and not parse_language(language):
        found.append(ProfileError("language", "ERR_INCLUSION", NO_LANGUAGE))
    return found


def _filled_fields(fields: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple(pair for pair in fields if any(pair))


# ---- before the unit: what takes time ----


def _handles(params: ProfileParams) -> list[Handle]:
    """Handles of everybody whom the note or a field mentions."""
    texts = (params.note or "", *(value for _, value in params.fields or ()))
    return list(dict.fromkeys(handle for text in texts for handle in markup.find_mentions(text)))


async def _take_in_pictures(
    services: Services, id_: int, params: ProfileParams
) -> dict[PictureKind, Ingested]:
    """New pictures as files of ours; when one is refused, none is kept."""
    made: dict[PictureKind, Ingested] = {}
    try:
        for purpose in PURPOSES:
            data = getattr(params, purpose)
            if isinstance(data, bytes):
                made[purpose] = await services.media.ingest(data, purpose, f"member {id_}")
    except BaseException:
        await _remove(services, [picture.file for picture in made.values()])
        raise
    return made


async def _remove(services: Services, names: Sequence[str]) -> None:
    for name in names:
        await asyncio.to_thread(services.media.remove, name)


# ---- the unit ----


def _change(
    writer: Writer, id_: ActorId, params: ProfileParams, made: _Made, folder: str
) -> list[str]:
    """Keep it and say it; returns the files that are not needed any more."""
    before = actors.by_id(writer, id_)
    if before is None or before.effective_state != "active":
        raise NotAllowed
    after = _change_actor(writer, before, params, made)
    dropped = _exchange_pictures(writer, before, after, made)
    if after != before:
        actors.update(writer, after)
        tell(writer, before, after, folder)
    if params.settings:
        accounts.set_settings(writer, id_, params.settings)
    return dropped


def _change_actor(reader: Reader, before: Actor, params: ProfileParams, made: _Made) -> Actor:
    """The actor as it is to be."""
    given: dict[str, object] = dict(params.flags)
    if params.display_name is not None:
        given["display_name"] = params.display_name
    if params.note is not None:
        given["summary_source"] = params.note
        given["summary"] = markup.render_note(params.note, **_linking(reader, made))
    if params.fields is not None:
        given["fields"] = _fields(reader, before, _filled_fields(params.fields), made)
    for purpose in PURPOSES:
        if purpose in made.pictures:
            given[purpose] = made.pictures[purpose].file
        elif getattr(params, purpose) == REMOVED:
            given[purpose] = None
    return replace(before, **given)  # type: ignore[arg-type]


def _fields(
    reader: Reader, before: Actor, written: Sequence[tuple[str, str]], made: _Made
) -> tuple[Field, ...]:
    """Lines of the profile; what was checked stays checked while it is the same."""
    checked = {(one.name, one.source): one.verified_at for one in before.fields}
    return tuple(
        Field(
            name=label,
            value=markup.render_field(value, **_linking(reader, made)),
            source=value,
            verified_at=checked.get((label, value)),
        )
        for label, value in written
    )


def _linking(reader: Reader, made: _Made) -> markup.Linking:
    """Links for the markup of a text: pages of those mentioned, and of hashtags."""
    site = reader.site
    mentions = {
        handle: Mentioned(who.name, who.domain or site.domain, who.url or who.uri)
        for handle, who in made.mentioned.items()
    }
    return {
        "mentions": mentions,
        "tag_url": lambda name: uris.tag_page(site, name.casefold()),
    }


def _exchange_pictures(writer: Writer, before: Actor, after: Actor, made: _Made) -> list[str]:
    """Rows for the new pictures in place of those for the old ones."""
    for purpose, picture in made.pictures.items():
        attachments.add(
            writer,
            Media(
                id=writer.new_id(),
                owner=before.id,
                purpose=purpose,
                file=picture.file,
                mime=picture.mime,
                bytes=picture.bytes,
                width=picture.width,
                height=picture.height,
            ),
        )
    pairs = ((getattr(before, one), getattr(after, one)) for one in PURPOSES)
    dropped = [old for old, new in pairs if old is not None and old != new]
    for file in dropped:
        attachments.remove(writer, file)
    return dropped


def tell(writer: Writer, before: Actor, after: Actor, folder: str) -> None:
    """Tell everybody who follows, if there is any change that they could notice."""
    known = keys.of_actor(writer, after.id)
    documents = [
        actor_object.render(
            writer.site, actor, known, folder, from_rows.emoji_tags_of(writer, actor)
        )
        for actor in (before, after)
    ]
    if documents[0] != documents[1]:
        update = Update(
            id=outbox.new_uri(writer), actor=after.uri, profile=after, rendered=documents[1]
        )
        outbox.publish(writer, update)
