"""`update_credentials` and the pictures of `/api/v1/profile`: one's own profile, by API."""

from collections.abc import Mapping
from dataclasses import replace

from aiohttp import web

from server.actions.people import profiles
from server.actions.people.profiles import FLAGS, REMOVED, InvalidProfile, ProfileParams, Removed
from server.entities import account as account_entity
from server.entities import profile as profile_entity
from server.entities import shapes
from server.http.app_keys import DATABASE
from server.http.errors import not_found, unprocessable
from server.http.forms import Form, form_of
from server.http.guard import Access, Route, current_user, delete, get, patch, put
from server.http.responses import answer
from server.services import SERVICES
from storage.access import accounts
from storage.access.accounts import Account, Preferences
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader
from storage.people import actors
from storage.people.actors import Actor

LONGEST_DESCRIPTION = 1500
LONGEST_DOMAIN = 253
PICTURES_BODY = 34 * 1024 * 1024
"""Two pictures of the usual largest size, and the rest of the form."""


async def update(request: web.Request) -> web.Response:
    """Change what is given; returns a CredentialAccount. 422 with `details` says what is amiss."""
    return await _change_profile(request, parse_profile(await form_of(request)))


async def show_profile(request: web.Request) -> web.Response:
    """Show the user's own profile as they wrote it, as a form for it needs it."""
    return answer(await request.app[DATABASE].read(_profile, current_user(request).me.id))


async def update_profile(request: web.Request) -> web.Response:
    """Update as `update` does, with what only `/api/v1/profile` knows; returns a Profile."""
    form = await form_of(request)
    params = parse_profile(form)
    await _change(request, replace(params, settings=params.settings | _beside(form)))
    return answer(await request.app[DATABASE].read(_profile, current_user(request).me.id))


def _beside(form: Form) -> Preferences:
    """Settings of the profile itself."""
    given: Preferences = {}
    for shown in profile_entity.SHOWN:
        if (flag := form.flag(shown)) is not None:
            given[shown] = flag
    for name in profile_entity.DESCRIPTIONS:
        if (text := form.text(name)) is not None:
            given[name] = text.strip()[:LONGEST_DESCRIPTION]
    if "attribution_domains" in form:
        wanted = (one.strip().lower() for one in form.texts("attribution_domains"))
        given["attribution_domains"] = [one[:LONGEST_DOMAIN] for one in wanted if one]
    return given


async def remove_avatar(request: web.Request) -> web.Response:
    return await _change_profile(request, ProfileParams(avatar=REMOVED))


async def remove_header(request: web.Request) -> web.Response:
    return await _change_profile(request, ProfileParams(header=REMOVED))


async def _change_profile(request: web.Request, params: ProfileParams) -> web.Response:
    await _change(request, params)
    return answer(await request.app[DATABASE].read(_credential, current_user(request).me.id))


async def _change(request: web.Request, params: ProfileParams) -> None:
    try:
        await profiles.change(request.app[SERVICES], current_user(request).me, params)
    except InvalidProfile as error:
        raise unprocessable(f"{error} Nothing was changed.", details=_details(error)) from error


def _own(reader: Reader, me: ActorId) -> tuple[Actor, Account]:
    actor, account = actors.by_id(reader, me), accounts.by_actor(reader, me)
    if actor is None or account is None:
        raise not_found()
    return actor, account


def _credential(reader: Reader, me: ActorId) -> shapes.CredentialAccount:
    return account_entity.credential(reader, *_own(reader, me))


def _profile(reader: Reader, me: ActorId) -> shapes.Profile:
    return profile_entity.one(reader, *_own(reader, me))


def _details(error: InvalidProfile) -> dict[str, list[dict[str, str]]]:
    """Objections as clients show them beside their fields (conventions.md, Errors)."""
    found: dict[str, list[dict[str, str]]] = {}
    for one in error.found:
        name = "fields" if one.name.startswith("field_") else _NAMES.get(one.name, one.name)
        found.setdefault(name, []).append({"error": one.code, "description": one.sentence_in()})
    return found


_NAMES = {
    "visibility": "source[privacy]",
    "language": "source[language]",
    "quote_policy": "source[quote_policy]",
}


def parse_profile(form: Form) -> ProfileParams:
    """Read the changes that a client asks for. A name that is not given is left as it is."""
    return ProfileParams(
        display_name=form.text("display_name"),
        note=form.text("note"),
        fields=_fields(form),
        flags=_flags(form),
        avatar=_picture(form, "avatar"),
        header=_picture(form, "header"),
        settings=_settings(form.group("source")),
    )


def _flags(form: Form) -> Mapping[str, bool]:
    given = {name: form.flag(name) for name in FLAGS}
    return {name: value for name, value in given.items() if value is not None}


def _fields(form: Form) -> tuple[tuple[str, str], ...] | None:
    """An array, or an object by number; either is all the fields that there are to be."""
    if isinstance(form.values.get("fields_attributes"), str):
        return None  # no fields at all: a client says nothing by it
    groups = form.groups("fields_attributes")
    if groups is None:
        return None
    return tuple((one.text("name") or "", one.text("value") or "") for one in groups)


def _picture(form: Form, name: str) -> bytes | Removed | None:
    upload = form.upload(name)
    if upload is None and (form.text(name) or "").strip():
        raise unprocessable(f"“{name}” should be a picture, sent as a file. Nothing was changed.")
    return upload.data or None if upload else None


def _settings(source: Form | None) -> Preferences:
    """Defaults for writing, as `CredentialAccount.source` names them."""
    if source is None:
        return {}
    given: Preferences = {}
    if privacy := source.text("privacy"):
        given["privacy"] = privacy
    sensitive = source.flag("sensitive")
    if sensitive is not None:
        given["sensitive"] = sensitive
    if "language" in source:
        given["language"] = source.text("language") or None
    if quotes := source.text("quote_policy"):
        given["quote_policy"] = quotes
    return given


ROUTES: list[Route] = [
    replace(
        patch("/api/v1/accounts/update_credentials", update, Access.MEMBER, "write:accounts"),
        body=PICTURES_BODY,
    ),
    get("/api/v1/profile", show_profile, Access.MEMBER, "profile", "read:accounts"),
    *(
        replace(
            declare("/api/v1/profile", update_profile, Access.MEMBER, "write:accounts"),
            body=PICTURES_BODY,
        )
        for declare in (patch, put)
    ),
    delete("/api/v1/profile/avatar", remove_avatar, Access.MEMBER, "write:accounts"),
    delete("/api/v1/profile/header", remove_header, Access.MEMBER, "write:accounts"),
]
