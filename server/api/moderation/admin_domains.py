"""`/api/v1/admin/domain_blocks` and `domain_allows`: what is decided about other servers."""

from aiohttp import web

from server.api.common import number
from server.api.moderation.admin_accounts import moderator_of
from server.entities import admin, shapes
from server.http.app_keys import DATABASE, SETTINGS
from server.http.errors import not_found, unprocessable
from server.http.forms import Form, form_of
from server.http.guard import Access, Route, delete, get, post, put
from server.http.pagination import answer_with_links, page_of
from server.http.responses import answer
from server.moderation import domain_limits
from server.moderation.domain_limits import LONGEST_COMMENT, TIERS, DomainLimitParams
from storage.engine.pagination import Page
from storage.engine.transaction import Reader
from storage.queues import hosts
from storage.queues.hosts import Limit, Tier

_NO_LIST = "This server keeps no list of those it allows: it hears every server but the blocked."


async def several(request: web.Request) -> web.Response:
    page = page_of(request, 100, 200)
    found: list[Limit] = await request.app[DATABASE].read(hosts.page_of_limits, page)
    body = [admin.domain_block(one) for one in found]
    return answer_with_links(request, body, [one.id for one in found], page, always_next=False)


async def show(request: web.Request) -> web.Response:
    return answer(admin.domain_block(await _find(request)))


async def _find(request: web.Request) -> Limit:
    found = await request.app[DATABASE].read(hosts.limit_by_id, number(request))
    if found is None:
        raise not_found()
    return found


async def create(request: web.Request) -> web.Response:
    form = await form_of(request)
    domain = domain_limits.name_of(request.app[SETTINGS], form.required_text("domain", 300))
    params = _parse(form, "blocked" if form.text("severity", 30) is None else None)
    await domain_limits.put(request.app[DATABASE], moderator_of(request), domain, params, new=True)
    return answer(await request.app[DATABASE].read(_named, domain))


def _named(reader: Reader, domain: str) -> shapes.AdminDomainBlock:
    found = hosts.limit_of(reader, domain)
    if found is None:
        raise not_found()
    return admin.domain_block(found)


def _parse(form: Form, otherwise: Tier | None) -> DomainLimitParams:
    """`otherwise` is the tier where none is named."""
    severity = form.text("severity", 30)
    if severity is not None and severity not in TIERS:
        raise unprocessable("A server can be silenced or suspended; “noop” does neither.")
    return DomainLimitParams(
        tier=otherwise if severity is None else TIERS[severity],
        reject_media=form.flag("reject_media"),
        reject_reports=form.flag("reject_reports"),
        private_comment=form.text("private_comment", LONGEST_COMMENT),
        public_comment=form.text("public_comment", LONGEST_COMMENT),
        obfuscate=form.flag("obfuscate"),
    )


async def update(request: web.Request) -> web.Response:
    form, known = await form_of(request), await _find(request)
    params = _parse(form, known.tier)
    await domain_limits.put(request.app[DATABASE], moderator_of(request), known.host, params)
    return answer(await request.app[DATABASE].read(_named, known.host))


async def lift(request: web.Request) -> web.Response:
    known = await _find(request)
    await domain_limits.lift(request.app[DATABASE], moderator_of(request), known.host)
    return answer({})


async def no_allows(request: web.Request) -> web.Response:
    """GET …/domain_allows: there is no such list, so it is empty."""
    return answer_with_links(request, [], [], Page())


async def no_allow(request: web.Request) -> web.Response:
    raise not_found()


async def refuse_allow(request: web.Request) -> web.Response:
    raise unprocessable(_NO_LIST)


_BLOCKS, _ALLOWS = "/api/v1/admin/domain_blocks", "/api/v1/admin/domain_allows"
_READ, _WRITE = "admin:read:domain_blocks", "admin:write:domain_blocks"
_READ_ALLOWS, _WRITE_ALLOWS = "admin:read:domain_allows", "admin:write:domain_allows"

ROUTES: list[Route] = [
    get(_BLOCKS, several, Access.ADMIN, _READ),
    post(_BLOCKS, create, Access.ADMIN, _WRITE),
    get(f"{_BLOCKS}/{{id}}", show, Access.ADMIN, _READ),
    put(f"{_BLOCKS}/{{id}}", update, Access.ADMIN, _WRITE),
    delete(f"{_BLOCKS}/{{id}}", lift, Access.ADMIN, _WRITE),
    get(_ALLOWS, no_allows, Access.ADMIN, _READ_ALLOWS),
    post(_ALLOWS, refuse_allow, Access.ADMIN, _WRITE_ALLOWS),
    get(f"{_ALLOWS}/{{id}}", no_allow, Access.ADMIN, _READ_ALLOWS),
    delete(f"{_ALLOWS}/{{id}}", no_allow, Access.ADMIN, _WRITE_ALLOWS),
]
