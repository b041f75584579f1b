"""Settings of ways in: the second step, recovery codes and passkeys, set up and taken away."""

from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from server.access import passkeys, totp
from server.access import second_factor as rules
from server.access.passkeys import Made
from server.access.second_factor import Guess
from server.access.totp import QrCode
from server.http import reauthentication
from server.http.app_keys import DATABASE, SETTINGS
from server.http.forms import form_of
from server.http.guard import Access, Route, current_user, form_route, page
from server.http.parsing import header
from server.i18n.translations import N_, translations
from server.pages import paths, site
from server.pages.access import ceremonies
from server.pages.access.ceremonies import ADD, ONCE
from server.pages.access.devices import device
from server.pages.site import PageRequest, PageResponse
from server.pages.views import FormView
from storage.access import second_factor
from storage.access.second_factor import Passkey
from storage.engine.errors import Conflict
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Writer

MOST_PASSKEYS = 10
LONGEST_NAME = 50
_DONE = {
    "off": N_("Done. Logging in takes your password alone again."),
    "added": N_("Done. You can log in with this passkey now."),
    "removed": N_("Done. Nobody can log in with that passkey any more."),
}
_NOT_THIS = N_("That code does not fit. Please look whether the clock of your device is right.")
_NO_PASSKEY = N_("Your browser made no passkey that we can use. Nothing was changed.")
_ENOUGH = N_("You have as many passkeys as there is room for. Take one away first.")
_CONFIRM_FORM = FormView("confirm")


@dataclass(frozen=True, slots=True)
class SetUp:
    """A secret that waits for its first code, to be read by a camera or typed."""

    secret: str
    drawn: QrCode


@dataclass(frozen=True, slots=True)
class PasskeyLine:
    """Passkey of the user's."""

    id: str
    name: str
    since: datetime
    last_used: datetime | None


@dataclass(frozen=True, slots=True)
class TwoFactorView:
    """`left`: recovery codes that were not used yet."""

    coded: bool
    left: int
    set_up: SetUp | None
    passkeys: tuple[PasskeyLine, ...]
    form: FormView = _CONFIRM_FORM


@dataclass(frozen=True, slots=True)
class CodesView:
    """Recovery codes, shown once."""

    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AddView:
    """A passkey to be made: `options` for the browser, as JSON."""

    options: str
    form: FormView


async def show(request: web.Request) -> web.Response:
    """GET /settings/safety"""
    return await _page(request, FormView("confirm"))


async def _page(request: web.Request, form: FormView) -> web.Response:
    said = _DONE.get(request.query.get("done", ""))
    done = translations(site.locale_of(request)).gettext(said) if said else None
    page_request = site.page_request(
        request, current_user(request).me, form=True, current_page="settings", done=done
    )
    fresh = reauthentication.fresh_proof(request)

    def unit(reader: Reader, page_request: PageRequest) -> TwoFactorView:
        return _view(reader, page_request, fresh, form)

    view, frame = await site.read(request, page_request, unit)
    return site.answer(
        request,
        page_request,
        PageResponse("two_factor_settings", frame, view, 422 if form.errors else 200),
    )


def _view(reader: Reader, page_request: PageRequest, fresh: bool, form: FormView) -> TwoFactorView:
    """The secret is shown only to who has just proved that it is theirs."""
    if page_request.me is None:
        raise LookupError
    me, settings = page_request.me, page_request.settings
    secret = rules.find_begun(reader, me.id, settings.secret or "") if fresh else None
    return TwoFactorView(
        coded=rules.in_force(reader, me.id),
        left=second_factor.recovery_codes_left(reader, me.id),
        set_up=_set_up(secret, settings.title, f"{me.name}@{settings.domain}") if secret else None,
        passkeys=tuple(_line(one) for one in second_factor.passkeys_of(reader, me.id)),
        form=form,
    )


def _set_up(secret: bytes, place: str, name: str) -> SetUp:
    spelled = totp.to_base32(secret)
    groups = [spelled[at : at + 4] for at in range(0, len(spelled), 4)]
    return SetUp(" ".join(groups), totp.draw_qr_code(totp.address(secret, place, name)))


def _line(one: Passkey) -> PasskeyLine:
    return PasskeyLine(str(one.id), one.name, one.created_at, one.last_used_at)


def _to(done: str) -> web.Response:
    return web.Response(status=303, headers={"Location": f"{paths.TWO_FACTOR}?done={done}"})


# ---- the second step ----


async def begin(request: web.Request) -> web.Response:
    """POST …/begin: a secret that counts once its first code was right."""
    reauthentication.ensure_fresh(request, paths.TWO_FACTOR)
    secret = request.app[SETTINGS].secret or ""
    await request.app[DATABASE].write(rules.begin, current_user(request).me.id, secret)
    return web.Response(status=303, headers={"Location": f"{paths.TWO_FACTOR}#code"})


async def confirm(request: web.Request) -> web.Response:
    """POST …/confirm: in force from now on; the recovery codes are shown this once."""
    reauthentication.ensure_fresh(request, paths.TWO_FACTOR)
    form = await form_of(request)
    secret = request.app[SETTINGS].secret or ""
    guess = Guess(current_user(request).me.id, form.text("code", 100) or "", secret)
    codes = await request.app[DATABASE].write(rules.confirm, guess)
    if codes is None:
        said = translations(site.locale_of(request)).gettext(_NOT_THIS)
        return await _page(request, FormView("confirm", {}, {"code": said}))
    return await _codes(request, codes)


async def _codes(request: web.Request, codes: list[str]) -> web.Response:
    page_request = site.page_request(
        request, current_user(request).me, form=True, current_page="settings"
    )
    frame = await site.frame_alone(request, page_request)
    return site.answer(
        request, page_request, PageResponse("recovery_codes", frame, CodesView(tuple(codes)), 200)
    )


async def new_codes(request: web.Request) -> web.Response:
    """POST …/codes: ten new ones; the old ones are worth nothing any more."""
    reauthentication.ensure_fresh(request, paths.TWO_FACTOR)
    codes = await request.app[DATABASE].write(_new_codes, current_user(request).me.id)
    if not codes:
        return web.Response(status=303, headers={"Location": paths.TWO_FACTOR})
    return await _codes(request, codes)


def _new_codes(writer: Writer, account: ActorId) -> list[str]:
    if not rules.in_force(writer, account):
        return []
    return rules.new_recovery_codes(writer, account)


async def off(request: web.Request) -> web.Response:
    """POST …/off"""
    reauthentication.ensure_fresh(request, paths.TWO_FACTOR)
    await request.app[DATABASE].write(second_factor.end_totp, current_user(request).me.id)
    return _to("off")


# ---- passkeys ----


async def add(request: web.Request) -> web.Response:
    """GET …/passkey: the page whose script asks the browser to make one."""
    reauthentication.ensure_fresh(request, paths.TWO_FACTOR_PASSKEY)
    return await _add_page(request, None)


async def _add_page(request: web.Request, sentence: str | None) -> web.Response:
    me = current_user(request).me
    known = await request.app[DATABASE].read(second_factor.passkeys_of, me.id)
    if len(known) >= MOST_PASSKEYS:
        sentence = _ENOUGH
    secret = await ceremonies.begin(request, ADD, me.id)
    options = passkeys.creation(request.app[SETTINGS], secret, me, known)
    page_request = site.page_request(request, me, form=True, current_page="settings")
    said = translations(page_request.locale).gettext(sentence) if sentence else None
    called = device(header(request, "User-Agent"), page_request.locale)
    view = AddView(options, FormView("passkey", {"name": called}, {}, said))
    frame = await site.frame_alone(request, page_request)
    page_response = PageResponse("add_passkey", frame, view, 422 if said else 200)
    response = site.answer(request, page_request, page_response)
    ceremonies.keep(request, response, ADD, secret)
    ceremonies.allow_script(request)
    return response


async def add_passkey(request: web.Request) -> web.Response:
    """POST …/passkey: what the browser made."""
    reauthentication.ensure_fresh(request, paths.TWO_FACTOR_PASSKEY)
    form, me = await form_of(request), current_user(request).me
    begun = await ceremonies.attempt(request, ADD, ONCE)
    said = form.text("credential", passkeys.LONGEST) or ""
    secret = ceremonies.secret_of(request, ADD)
    mine = begun is not None and begun.account == me.id
    made = passkeys.verify_registration(request.app[SETTINGS], secret, said) if mine else None
    if made is None:
        return await _add_page(request, _NO_PASSKEY)
    name = " ".join((form.text("name", 1000) or "").split())[:LONGEST_NAME] or "–"
    error = await request.app[DATABASE].write(_keep, me.id, made, name)
    if error is not None:
        return await _add_page(request, error)
    response = _to("added")
    await ceremonies.end(request, response, ADD)
    return response


def _keep(writer: Writer, account: ActorId, made: Made, name: str) -> str | None:
    """Objection to a passkey: too many, or one that somebody has already."""
    if len(second_factor.passkeys_of(writer, account)) >= MOST_PASSKEYS:
        return _ENOUGH
    try:
        second_factor.add_passkey(
            writer, account, made.credential_id, made.public_key, made.sign_count, name
        )
    except Conflict:
        return _NO_PASSKEY
    return None


async def remove(request: web.Request) -> web.Response:
    """POST …/passkeys: take one away."""
    reauthentication.ensure_fresh(request, paths.TWO_FACTOR)
    form, me = await form_of(request), current_user(request).me
    await request.app[DATABASE].write(
        second_factor.remove_passkey, form.number("passkey") or 0, me.id
    )
    return _to("removed")


ROUTES: list[Route] = [
    page(paths.TWO_FACTOR, show, Access.LOGGED_IN),
    form_route(paths.TWO_FACTOR_BEGIN, begin),
    form_route(paths.TWO_FACTOR_CONFIRM, confirm, limit="login"),
    form_route(paths.TWO_FACTOR_CODES, new_codes),
    form_route(paths.TWO_FACTOR_OFF, off),
    page(paths.TWO_FACTOR_PASSKEY, add, Access.LOGGED_IN),
    form_route(paths.TWO_FACTOR_PASSKEY, add_passkey),
    form_route(paths.TWO_FACTOR_PASSKEYS, remove),
]
