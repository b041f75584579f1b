"""`/api/v1/admin/` e-mail and IP blocks: who cannot sign up here, or come near."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address, ip_network
from typing import Any

from aiohttp import web

from server.access.signup import EMAIL
from server.api.common import number
from server.api.moderation.admin_accounts import moderator_of
from server.entities import admin, shapes
from server.http.app_keys import DATABASE
from server.http.auth import address_of
from server.http.errors import not_found, unprocessable
from server.http.forms import Form, form_of
from server.http.guard import Access, Route, delete, get, post, put
from server.http.pagination import answer_with_links, page_of
from server.http.responses import answer
from server.moderation.account_decisions import Moderator
from server.settings import types as kinds
from storage.access import signup_blocks
from storage.access.signup_blocks import SEVERITIES, EmailBlock, NetworkBlock
from storage.engine.errors import Conflict
from storage.engine.pagination import Page
from storage.engine.transaction import Reader, Writer
from storage.moderation import audit_log

LONGEST_COMMENT = 1000
_SHA256 = re.compile(r"[0-9a-f]{64}")
LONGEST_BLOCK = 10 * 365 * 24 * 3600

Block = shapes.AdminEmailDomainBlock | shapes.AdminCanonicalEmailBlock
Entity = Callable[[EmailBlock], Block]


def _listing(entity: Entity, *, hashes: bool) -> Callable[[web.Request], Any]:
    async def handle(request: web.Request) -> web.Response:
        page = page_of(request, 100, 200)

        def unit(reader: Reader) -> list[EmailBlock]:
            return signup_blocks.email_page(reader, page, hashes=hashes)

        found = await request.app[DATABASE].read(unit)
        body, cursors = [entity(one) for one in found], [one.id for one in found]
        return answer_with_links(request, body, cursors, page, always_next=False)

    return handle


def _email(reader: Reader, id_: int, *, hashes: bool) -> EmailBlock:
    found = signup_blocks.email_by_id(reader, id_)
    if found is None or (found.hash is not None) is not hashes:
        raise not_found()
    return found


def _showing(entity: Entity, *, hashes: bool) -> Callable[[web.Request], Any]:
    def unit(reader: Reader, id_: int) -> Block:
        return entity(_email(reader, id_, hashes=hashes))

    async def handle(request: web.Request) -> web.Response:
        return answer(await request.app[DATABASE].read(unit, number(request)))

    return handle


def _lifting(*, hashes: bool) -> Callable[[web.Request], Any]:
    def unit(writer: Writer, moderator: Moderator, id_: int) -> None:
        known = _email(writer, id_, hashes=hashes)
        signup_blocks.unblock_email(writer, id_)
        audit_log.note(
            writer, moderator.actor, "email.unblock", f"email {known.domain or known.hash}"
        )

    async def handle(request: web.Request) -> web.Response:
        await request.app[DATABASE].write(unit, moderator_of(request), number(request))
        return answer({})

    return handle


async def block_domain(request: web.Request) -> web.Response:
    given = (await form_of(request)).required_text("domain", 300)
    try:
        domain = str(kinds.DOMAIN.parse(given)).partition(":")[0]
    except ValueError as error:
        raise unprocessable("A domain looks like post.example.") from error

    def unit(writer: Writer, moderator: Moderator) -> shapes.AdminEmailDomainBlock:
        return admin.email_domain_block(_find(writer, moderator, domain=domain))

    return answer(await request.app[DATABASE].write(unit, moderator_of(request)))


def _find(
    writer: Writer, moderator: Moderator, *, domain: str | None = None, hash_: str | None = None
) -> EmailBlock:
    try:
        id_ = signup_blocks.block_email(writer, domain=domain, hash_=hash_)
    except Conflict as taken:
        raise unprocessable("That is blocked already.") from taken
    audit_log.note(writer, moderator.actor, "email.block", f"email {domain or hash_}")
    return _email(writer, id_, hashes=hash_ is not None)


async def block_address(request: web.Request) -> web.Response:
    """Block an address, given in full or as the hash of its canonical form."""
    form = await form_of(request)
    email, given = (form.text("email", 400) or "").strip(), form.text("canonical_email_hash", 100)
    if not email and not given:
        raise unprocessable("An email address is needed for this, or its hash.")
    if email and not EMAIL.fullmatch(email):
        raise unprocessable("An email address looks like bep@post.example.")
    if not email and not _SHA256.fullmatch(given or ""):
        raise unprocessable("A hash has 64 digits, from 0 to 9 and a to f.")
    hash_ = signup_blocks.canonical_hash(email) if email else given

    def unit(writer: Writer, moderator: Moderator) -> shapes.AdminCanonicalEmailBlock:
        return admin.canonical_email_block(_find(writer, moderator, hash_=hash_))

    return answer(await request.app[DATABASE].write(unit, moderator_of(request)))


async def test_address(request: web.Request) -> web.Response:
    """POST …/test: which blocks an address falls under."""
    email = (await form_of(request)).required_text("email", 400)
    hash_ = signup_blocks.canonical_hash(email)
    found = await request.app[DATABASE].read(signup_blocks.emails_by_hash, hash_)
    return answer([admin.canonical_email_block(one) for one in found])


# ---- networks ----


async def networks(request: web.Request) -> web.Response:
    page: Page = page_of(request, 100, 200)
    found = await request.app[DATABASE].read(signup_blocks.network_page, page)
    body = [admin.ip_block(one) for one in found]
    return answer_with_links(request, body, [one.id for one in found], page, always_next=False)


def _network(reader: Reader, id_: int) -> NetworkBlock:
    found = signup_blocks.network_by_id(reader, id_)
    if found is None:
        raise not_found()
    return found


async def show_network(request: web.Request) -> web.Response:
    return answer(admin.ip_block(await request.app[DATABASE].read(_network, number(request))))


async def block_network(request: web.Request) -> web.Response:
    """POST …/ip_blocks, and PUT …/:id to change one."""
    params, own = _parse(await form_of(request)), address_of(request)
    id_ = number(request) if "id" in request.match_info else None

    def unit(writer: Writer, moderator: Moderator) -> shapes.AdminIpBlock:
        before = _network(writer, id_) if id_ is not None else None
        block = _block(writer, params, before)
        _ensure_not_own(block, own)
        try:
            signup_blocks.put_network(writer, block)
        except Conflict as taken:
            raise unprocessable("There is a block of that network already.") from taken
        subject = f"network {block.network}"
        audit_log.note(writer, moderator.actor, "network.block", subject, severity=block.severity)
        return admin.ip_block(block)

    return answer(await request.app[DATABASE].write(unit, moderator_of(request)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _NetworkParams:
    """Block as it was sent; None for what was not. `lasts` counts where `ends_anew`."""

    severity: str | None
    network: str | None
    comment: str | None
    ends_anew: bool
    lasts: timedelta | None


def _parse(form: Form) -> _NetworkParams:
    seconds = form.number("expires_in") or 0
    return _NetworkParams(
        severity=form.text("severity", 40) or None,
        network=form.text("ip", 100) or None,
        comment=form.text("comment", LONGEST_COMMENT),
        ends_anew="expires_in" in form,
        lasts=timedelta(seconds=min(seconds, LONGEST_BLOCK)) if seconds > 0 else None,
    )


def _block(writer: Writer, params: _NetworkParams, before: NetworkBlock | None) -> NetworkBlock:
    """Combine what was sent with the block that there was, if any. Raises Refused, 422."""
    severity = params.severity or (before.severity if before else "")
    given = params.network or (before.network if before else "")
    if severity not in SEVERITIES:
        raise unprocessable(f"The severity is one of {', '.join(SEVERITIES)}.")
    try:
        network = str(ip_network(given.strip(), strict=False))
    except ValueError as error:
        raise unprocessable("A network looks like 192.0.2.0/24 or 2001:db8::/32.") from error
    until = writer.now + params.lasts if params.lasts is not None else None
    comment = params.comment
    return NetworkBlock(
        id=before.id if before else writer.new_id(),
        network=network,
        severity=severity,
        comment=comment if comment is not None else before.comment if before else "",
        created_at=before.created_at if before else writer.now,
        expires_at=until if params.ends_anew or before is None else before.expires_at,
    )


def _ensure_not_own(block: NetworkBlock, own: str) -> None:
    """Keep moderators from shutting themselves out by mistake. Raises Refused, 422."""
    try:
        inside = ip_address(own) in ip_network(block.network)
    except ValueError:
        return
    if inside and block.severity == "no_access":
        raise unprocessable("You are in that network yourself, so you would be shut out.")


async def unblock_network(request: web.Request) -> web.Response:
    def unit(writer: Writer, moderator: Moderator, id_: int) -> None:
        known = _network(writer, id_)
        signup_blocks.unblock_network(writer, id_)
        audit_log.note(writer, moderator.actor, "network.unblock", f"network {known.network}")

    await request.app[DATABASE].write(unit, moderator_of(request), number(request))
    return answer({})


_ADMIN = "/api/v1/admin"
_DOMAINS = f"{_ADMIN}/email_domain_blocks"
_ADDRESSES = f"{_ADMIN}/canonical_email_blocks"
_NETWORKS = f"{_ADMIN}/ip_blocks"
_DOMAIN, _ADDRESS = admin.email_domain_block, admin.canonical_email_block


def _scopes(kind: str) -> tuple[str, str]:
    return f"admin:read:{kind}", f"admin:write:{kind}"


_READ_DOMAINS, _WRITE_DOMAINS = _scopes("email_domain_blocks")
_READ_ADDRESSES, _WRITE_ADDRESSES = _scopes("canonical_email_blocks")
_READ_NETWORKS, _WRITE_NETWORKS = _scopes("ip_blocks")

ROUTES: list[Route] = [
    get(_DOMAINS, _listing(_DOMAIN, hashes=False), Access.ADMIN, _READ_DOMAINS),
    post(_DOMAINS, block_domain, Access.ADMIN, _WRITE_DOMAINS),
    get(f"{_DOMAINS}/{{id}}", _showing(_DOMAIN, hashes=False), Access.ADMIN, _READ_DOMAINS),
    delete(f"{_DOMAINS}/{{id}}", _lifting(hashes=False), Access.ADMIN, _WRITE_DOMAINS),
    get(_ADDRESSES, _listing(_ADDRESS, hashes=True), Access.ADMIN, _READ_ADDRESSES),
    post(_ADDRESSES, block_address, Access.ADMIN, _WRITE_ADDRESSES),
    post(f"{_ADDRESSES}/test", test_address, Access.ADMIN, _READ_ADDRESSES),
    get(f"{_ADDRESSES}/{{id}}", _showing(_ADDRESS, hashes=True), Access.ADMIN, _READ_ADDRESSES),
    delete(f"{_ADDRESSES}/{{id}}", _lifting(hashes=True), Access.ADMIN, _WRITE_ADDRESSES),
    get(_NETWORKS, networks, Access.ADMIN, _READ_NETWORKS),
    post(_NETWORKS, block_network, Access.ADMIN, _WRITE_NETWORKS),
    get(f"{_NETWORKS}/{{id}}", show_network, Access.ADMIN, _READ_NETWORKS),
    put(f"{_NETWORKS}/{{id}}", block_network, Access.ADMIN, _WRITE_NETWORKS),
    delete(f"{_NETWORKS}/{{id}}", unblock_network, Access.ADMIN, _WRITE_NETWORKS),
]
