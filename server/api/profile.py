"""`update_credentials` and the pictures of `/api/v1/profile`: one's own profile, by API."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aiohttp import web

from server import profiles
from server.entities import account as account_entity
from server.errors import not_found, unprocessable
from server.forms import Form, form_of
from server.keys import DATABASE
from server.policies import Route, Who, caller, delete, patch
from server.profiles import FLAGS, REMOVED, Objections, Removed, Wish
from server.replies import answer
from storage import accounts, actors
from storage.units import Reader

PICTURES_BODY = 34 * 1024 * 1024
"""Two pictures of the usual largest size, and the rest of the form."""


async def update(request: web.Request) -> web.Response:
    """Change what is given; returns a CredentialAccount. 422 with `details` says what is amiss."""
    return await _changed(request, wish_of(await form_of(request)))


async def remove_avatar(request: web.Request) -> web.Response:
    return await _changed(request, Wish(avatar=REMOVED))


async def remove_header(request: web.Request) -> web.Response:
    return await _changed(request, Wish(header=REMOVED))


async def _changed(request: web.Request, wish: Wish) -> web.Response:
    me = caller(request).me
    try:
        await profiles.change(request.app, me, wish)
    except Objections as error:
        raise unprocessable(f"{error} Nothing was changed.", details=_details(error)) from error
    return answer(await request.app[DATABASE].read(_own, me.id))


def _own(reader: Reader, me: int) -> dict[str, Any]:
    actor, account = actors.by_id(reader, me), accounts.by_actor(reader, me)
    if actor is None or account is None:
        raise not_found()
    return account_entity.credential(reader, actor, account)


def _details(error: Objections) -> dict[str, list[dict[str, str]]]:
    """As clients show it beside their fields (conventions.md, Errors)."""
    found: dict[str, list[dict[str, str]]] = {}
    for one in error.found:
        name = "fields" if one.name.startswith("field_") else _NAMES.get(one.name, one.name)
        found.setdefault(name, []).append({"error": one.code, "description": one.said()})
    return found


_NAMES = {"visibility": "source[privacy]", "language": "source[language]"}


def wish_of(form: Form) -> Wish:
    """What a client asks for. A name that is not given is left as it is."""
    return Wish(
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
    groups = form.groups("fields_attributes")
    if groups is None:
        return None
    return tuple((one.text("name") or "", one.text("value") or "") for one in groups)


def _picture(form: Form, name: str) -> bytes | Removed | None:
    upload = form.upload(name)
    if upload is None and (form.text(name) or "").strip():
        raise unprocessable(f"“{name}” should be a picture, sent as a file. Nothing was changed.")
    return upload.data or None if upload else None


def _settings(source: Form | None) -> Mapping[str, Any]:
    """Defaults for writing, as `CredentialAccount.source` names them."""
    if source is None:
        return {}
    given: dict[str, Any] = {}
    if privacy := source.text("privacy"):
        given["privacy"] = privacy
    sensitive = source.flag("sensitive")
    if sensitive is not None:
        given["sensitive"] = sensitive
    if "language" in source:
        given["language"] = source.text("language") or None
    return given


ROUTES: list[Route] = [
    replace(
        patch("/api/v1/accounts/update_credentials", update, Who.MEMBER, "write:accounts"),
        body=PICTURES_BODY,
    ),
    delete("/api/v1/profile/avatar", remove_avatar, Who.MEMBER, "write:accounts"),
    delete("/api/v1/profile/header", remove_header, Who.MEMBER, "write:accounts"),
]
