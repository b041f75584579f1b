"""Going on elsewhere, and coming here from elsewhere: aliases, and the move itself."""

from dataclasses import replace

from federation.activities import Move
from federation.activities.move import COOL_DOWN
from federation.errors import FederationError
from federation.outbound import outbox
from federation.resolve.resolver import Budget
from server.actions.people import profiles
from server.actions.posts import markup
from server.actions.services import Services
from server.i18n.form_errors import FormError
from server.i18n.translations import N_
from server.media import store
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Writer
from storage.people import actors, moves
from storage.people.actors import Actor

MOST_ALIASES = 10

_NO_HANDLE = N_("That is no handle. One looks like @name@example.org.")
_NOT_FOUND = N_("We could not find “%(handle)s”.")
_ITSELF = N_("That is this account.")
_MANY = N_("An account can have %(most)s other addresses here at most.")
_NO_ALIAS = N_(
    "“%(handle)s” does not name this account yet. There, add %(own)s as another account of yours;"
    " then come back."
)
_MOVED_ON = N_("“%(handle)s” has moved on itself.")
_SOON = N_("You moved less than seven days ago. It is possible again on %(date)s.")


class CannotMove(Exception):
    """`mistake` says why, in words for the page."""

    def __init__(self, form_error: FormError) -> None:
        super().__init__(form_error.sentence_in())
        self.form_error = form_error


async def add_alias(services: Services, me: ActorId, written: str) -> None:
    """Say that another account is the same person: what moving here needs. Raises CannotMove."""
    other = await _find_target(services, written)
    await services.database.write(_add, me, other, store.address(services.settings.web_origin))


def _add(writer: Writer, me: ActorId, other: Actor, folder: str) -> None:
    known = _current(writer, me)
    if other.id == me:
        raise CannotMove(FormError("ERR_ITSELF", _ITSELF))
    if len(known.also_known_as) >= MOST_ALIASES:
        raise CannotMove(FormError("ERR_TOO_MANY", _MANY, {"most": MOST_ALIASES}))
    aliases = tuple(dict.fromkeys((*known.also_known_as, other.uri)))
    _change(writer, replace(known, also_known_as=aliases), folder)


async def remove_alias(services: Services, me: ActorId, uri: str) -> None:
    await services.database.write(_remove, me, uri, store.address(services.settings.web_origin))


def _remove(writer: Writer, me: ActorId, uri: str, folder: str) -> None:
    known = _current(writer, me)
    aliases = tuple(alias for alias in known.also_known_as if alias != uri)
    _change(writer, replace(known, also_known_as=aliases), folder)


async def move(services: Services, me: ActorId, written: str) -> None:
    """Go on under another address; followers are told to follow there. Raises CannotMove."""
    new = await _find_target(services, written, anew=True)
    await services.database.write(_move, me, new, store.address(services.settings.web_origin))


def _move(writer: Writer, me: ActorId, new: Actor, folder: str) -> None:
    """Publish the move in one unit: our page says it, followers are told, ours follow already."""
    old, new = _current(writer, me), _current(writer, new.id)
    _ensure_possible(writer, old, new)
    outbox.publish(writer, Move(id=outbox.new_uri(writer), actor=old.uri, target=new.uri))
    profiles.tell(writer, old, _current(writer, me), folder)


def _ensure_possible(reader: Reader, old: Actor, new: Actor) -> None:
    handle = f"@{new.acct}" if new.domain else f"@{new.name}@{reader.site.domain}"
    own = f"@{old.name}@{reader.site.domain}"
    last = moves.last(reader, old.id)
    if new.id == old.id:
        raise CannotMove(FormError("ERR_ITSELF", _ITSELF))
    if old.uri not in new.also_known_as:
        raise CannotMove(FormError("ERR_NO_ALIAS", _NO_ALIAS, {"handle": handle, "own": own}))
    if new.moved_to is not None:
        raise CannotMove(FormError("ERR_MOVED_ON", _MOVED_ON, {"handle": handle}))
    if last is not None and reader.now - last < COOL_DOWN:
        day = (last + COOL_DOWN).date().isoformat()
        raise CannotMove(FormError("ERR_SOON", _SOON, {"date": day}))


async def come_back(services: Services, me: ActorId) -> None:
    """The page points nowhere else any more; who followed on stays there."""
    await services.database.write(_come_back, me, store.address(services.settings.web_origin))


def _come_back(writer: Writer, me: ActorId, folder: str) -> None:
    before = _current(writer, me)
    moves.note(writer, me, None)
    profiles.tell(writer, before, _current(writer, me), folder)


async def _find_target(services: Services, written: str, *, anew: bool = False) -> Actor:
    handles = markup.find_mentions(written if written.startswith("@") else f"@{written}")
    if len(handles) != 1:
        raise CannotMove(FormError("ERR_NO_HANDLE", _NO_HANDLE))
    (handle,) = handles
    try:
        found = await services.resolver.handle(handle.name, handle.domain or "")
        if anew and not found.is_local:
            found = await services.resolver.refresh(found.uri, Budget())
    except FederationError as error:
        raise CannotMove(FormError("ERR_NOT_FOUND", _NOT_FOUND, {"handle": written})) from error
    return found


def _current(reader: Reader, id_: ActorId) -> Actor:
    known = actors.by_id(reader, id_)
    if known is None:
        raise LookupError(id_)
    return known


def _change(writer: Writer, after: Actor, folder: str) -> None:
    before = _current(writer, after.id)
    actors.update(writer, after)
    profiles.tell(writer, before, after, folder)
