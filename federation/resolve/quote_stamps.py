"""Whether the author of what is quoted consents: their stamp is asked for at its origin."""

from datetime import timedelta
from functools import partial

from federation.errors import Busy, FederationError, Unreachable
from federation.resolve.background import LOOKED_AT, Background, Errand
from federation.resolve.resolver import Budget, Resolver
from federation.transport.pools import Pool
from federation.transport.urls import same_origin
from federation.vocabulary.json_documents import Document, is_a
from storage.engine.database import Database
from storage.engine.transaction import Reader
from storage.people import actors
from storage.posts import posts, quotes
from storage.posts.quotes import APPROVED, PENDING, REJECTED, Quote, QuoteState

# After these a stamp that cannot be had is asked for no more: the quote stays pending.
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 360, 720, *[1440] * 6))


async def check_next(database: Database, resolver: Resolver, background: Background) -> bool:
    """Look at one stamp; return whether there was one. What cannot be had is asked for later."""
    waiting = await database.read(quotes.list_unchecked, LOOKED_AT)
    errands = (Errand(quote.id, quote.stamp or "", quote) for quote in waiting)
    return await background.do_next(errands, partial(_check, database, resolver))


async def _check(database: Database, resolver: Resolver, quote: Quote) -> None:
    judged = await _judge(database, resolver, quote)
    if judged == PENDING and quote.attempts < len(PAUSES):
        await database.write_always(quotes.wait, quote.id, PAUSES[quote.attempts])
    else:
        await database.write_always(quotes.decide, quote.id, judged)


async def _judge(database: Database, resolver: Resolver, quote: Quote) -> QuoteState:
    expected = await database.read(_expected_fields, quote)
    stamp = quote.stamp or ""
    if expected is None or not same_origin(stamp, str(expected["attributedTo"])):
        return REJECTED
    try:
        found = await resolver.object(stamp, Budget(fetches=2, pool=Pool.BACKGROUND))
        return APPROVED if _says(found, expected) else REJECTED
    except (Unreachable, Busy):
        return PENDING
    except FederationError:
        return REJECTED


def _expected_fields(reader: Reader, quote: Quote) -> Document | None:
    """Fields that the stamp has to hold."""
    quoted = posts.by_id(reader, quote.target)
    author = actors.by_id(reader, quoted.author) if quoted else None
    if quoted is None or author is None:
        return None
    return {
        "attributedTo": author.uri,
        "interactingObject": quote.request,
        "interactionTarget": quoted.uri,
    }


def _says(found: Document, expected: Document) -> bool:
    return is_a(found, "QuoteAuthorization") and all(
        found.get(name) == value for name, value in expected.items()
    )
