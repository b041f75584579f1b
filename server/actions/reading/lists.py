"""Lists of people that members make to read by."""

from dataclasses import dataclass, replace

from server.actions.people import relationships
from server.refusals import Invalid, NotThere
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Writer
from storage.reading import lists
from storage.reading.lists import List, Replies


@dataclass(frozen=True, slots=True, kw_only=True)
class ListParams:
    """List as a member wants it; None stays as it is, or is as usual."""

    title: str | None = None
    replies: Replies | None = None
    exclusive: bool | None = None


def own(reader: Reader, me: ActorId, id_: int) -> List:
    """A list of theirs. Raises NotThere."""
    found = lists.one(reader, me, id_)
    if found is None:
        raise NotThere
    return found


def create(writer: Writer, me: ActorId, params: ListParams) -> List:
    """Make one; a title is needed. Raises Invalid where there is no room."""
    if params.title is None:
        raise Invalid("A list needs a title.")
    if len(lists.of(writer, me)) >= lists.MOST:
        raise Invalid(f"There is room for {lists.MOST} lists, and you have as many.")
    replies, exclusive = params.replies or "list", bool(params.exclusive)
    return lists.add(writer, me, params.title, replies, exclusive)


def change(writer: Writer, me: ActorId, id_: int, params: ListParams) -> List:
    """Raises NotThere for what is not theirs."""
    known = own(writer, me, id_)
    wanted = replace(
        known,
        title=known.title if params.title is None else params.title,
        replies=known.replies if params.replies is None else params.replies,
        exclusive=known.exclusive if params.exclusive is None else params.exclusive,
    )
    lists.change(writer, wanted)
    if wanted.exclusive != known.exclusive:
        for actor in lists.members(writer, id_):
            relationships.keep_home(writer, me, actor)
    return wanted


def remove(writer: Writer, me: ActorId, id_: int) -> None:
    """Raises NotThere for what is not theirs."""
    known = own(writer, me, id_)
    within = lists.members(writer, id_) if known.exclusive else []
    lists.remove(writer, id_)
    for actor in within:
        relationships.keep_home(writer, me, actor)
