"""Filters that members make: phrases and posts that they want to be warned of, or not to see."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from server.refusals import Invalid, NotThere
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Writer
from storage.reading import filters
from storage.reading.filters import Action, Context, Filter, Keyword


@dataclass(frozen=True, slots=True)
class KeywordParams:
    """A phrase as it is to be: a new one without `id`, else what changes of it, or that it goes."""

    id: int | None = None
    phrase: str | None = None
    whole: bool | None = None
    goes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterParams:
    """Filter as a member wants it; None stays as it is.

    `lasts` counts where `ends_anew`; without it, a filter has no end.
    """

    title: str | None = None
    contexts: tuple[Context, ...] | None = None
    action: Action | None = None
    ends_anew: bool = False
    lasts: timedelta | None = None
    keywords: tuple[KeywordParams, ...] = ()


def own(reader: Reader, me: ActorId, id_: int) -> Filter:
    """A filter of theirs. Raises NotThere."""
    found = filters.one(reader, me, id_)
    if found is None:
        raise NotThere
    return found


def own_keyword(reader: Reader, me: ActorId, id_: int) -> Keyword:
    """A phrase of theirs. Raises NotThere."""
    found = filters.keyword(reader, me, id_)
    if found is None:
        raise NotThere
    return found


def create(writer: Writer, me: ActorId, params: FilterParams) -> Filter:
    """Make one; title and contexts are needed. Raises Invalid where there is no room."""
    if params.title is None or params.contexts is None:
        raise Invalid("A filter needs a title and contexts.")
    if filters.count(writer, me) >= filters.MOST:
        raise Invalid(f"There is room for {filters.MOST} filters, and you have as many.")
    ends = writer.now + params.lasts if params.lasts is not None else None
    action = params.action or "warn"
    id_ = filters.add(writer, me, params.title, params.contexts, action, ends)
    _set_keywords(writer, me, own(writer, me, id_), params.keywords)
    return own(writer, me, id_)


def change(writer: Writer, me: ActorId, id_: int, params: FilterParams) -> Filter:
    """Raises NotThere for what is not theirs, Invalid where there is no room."""
    known = own(writer, me, id_)
    ends = writer.now + params.lasts if params.lasts is not None else None
    filters.change(
        writer,
        replace(
            known,
            title=known.title if params.title is None else params.title,
            contexts=known.contexts if params.contexts is None else params.contexts,
            action=known.action if params.action is None else params.action,
            expires_at=ends if params.ends_anew else known.expires_at,
        ),
    )
    _set_keywords(writer, me, known, params.keywords)
    return own(writer, me, id_)


def _set_keywords(
    writer: Writer, me: ActorId, known: Filter, wanted: Sequence[KeywordParams]
) -> None:
    if len(wanted) > 2 * filters.MOST_KEYWORDS:  # all there were to go, and as many to come
        raise _full()
    mine = {one.id: one for one in known.keywords}
    for entry in wanted:
        if entry.id is None:
            _add_keyword(writer, known.id, entry)
        elif entry.id not in mine:
            raise NotThere
        elif entry.goes:
            filters.remove_keywords(writer, [entry.id])
        else:
            filters.change_keyword(writer, _change_keyword(mine[entry.id], entry))
    if any(not entry.goes for entry in wanted):
        _ensure_fits(writer, me, known.id)


def add_keyword(writer: Writer, me: ActorId, id_: int, params: KeywordParams) -> Keyword:
    """A further phrase. Raises NotThere, Invalid."""
    made = _add_keyword(writer, own(writer, me, id_).id, params)
    _ensure_fits(writer, me, id_)
    return made


def change_keyword(writer: Writer, me: ActorId, id_: int, params: KeywordParams) -> Keyword:
    """Raises NotThere, Invalid."""
    wanted = _change_keyword(own_keyword(writer, me, id_), params)
    filters.change_keyword(writer, wanted)
    _ensure_fits(writer, me, wanted.filter)
    return wanted


def _add_keyword(writer: Writer, filter_: int, params: KeywordParams) -> Keyword:
    if params.phrase is None:
        raise Invalid("A phrase is needed for this.")
    return filters.add_keyword(writer, filter_, params.phrase, params.whole is not False)


def _change_keyword(known: Keyword, params: KeywordParams) -> Keyword:
    return replace(
        known,
        keyword=known.keyword if params.phrase is None else params.phrase,
        whole=known.whole if params.whole is None else params.whole,
    )


def _ensure_fits(reader: Reader, me: ActorId, filter_: int) -> None:
    """Looks at a filter and all of its owner's once phrases were written; the unit rolls back."""
    in_it, phrases, characters = filters.measure(reader, me, filter_)
    if in_it > filters.MOST_KEYWORDS:
        raise _full()
    if phrases > filters.MOST_PHRASES or characters > filters.MOST_CHARACTERS:
        raise Invalid(
            f"All your filters together have room for {filters.MOST_PHRASES} phrases"
            f" with {filters.MOST_CHARACTERS} characters."
        )


def _full() -> Invalid:
    return Invalid(f"A filter has room for {filters.MOST_KEYWORDS} phrases.")
