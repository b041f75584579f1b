"""Every set of places that others can hold, in one list: docs/budgets.md, metrics and tests."""

from aiohttp import web

from federation.transport.places import Places
from server.access import passwords
from server.http.allowances import READS
from server.http.app_keys import BACKGROUND, COURIER, HTTP_CLIENT, INBOX, PROCESSOR, READING
from server.http.bodies import BODIES
from server.media.proxy import PROXY
from server.media.store import MEDIA


def places_of(app: web.Application) -> list[Places]:
    inbox, reads, bodies = app[INBOX], app[READS], app[BODIES]
    return [
        *app[HTTP_CLIENT].places.values(),
        *app[COURIER].places.values(),
        inbox.by_domain,
        inbox.by_network,
        app[PROCESSOR].preparing.places,
        app[READING].places,
        *(errands.places for errands in app[BACKGROUND]),
        app[MEDIA].places,
        app[PROXY].places,
        app[PROXY].folder.places,
        passwords.places,
        bodies.large,
        bodies.largest,
        reads.anonymous,
        reads.long,
    ]
