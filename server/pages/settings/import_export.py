"""Members' data as files: lists to take along and to bring, and everything they said."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from server.actions.lifecycle import data_export, data_import
from server.actions.lifecycle.data_export import FILES, FOLDER
from server.actions.lifecycle.data_import import REASONS, CannotImport
from server.http.app_keys import DATABASE, SETTINGS
from server.http.errors import not_found
from server.http.forms import Form, form_of
from server.http.guard import Access, Route, current_user, form_route, page
from server.i18n.translations import N_, translations
from server.pages import paths, site
from server.pages.site import PageRequest, PageResponse
from server.pages.views import Choice, FormView
from storage.engine.transaction import Reader
from storage.lifecycle import exports, imports
from storage.lifecycle.imports import MODES, Line

ROOM = data_import.MOST_BYTES + 16 * 1024  # the file, and the form around it

_KINDS = {
    "follows": N_("Whom you follow"),
    "lists": N_("Your lists"),
    "blocks": N_("Whom you block"),
    "mutes": N_("Whom you mute"),
    "domain_blocks": N_("Servers that you block"),
    "bookmarks": N_("Your bookmarks"),
}
_MODES = {
    "merge": N_("Add to what is here"),
    "overwrite": N_("Replace what is here"),
}
_DONE = {
    "archive": N_("We are putting it together. It will be here in a while; look in again."),
    "import": N_("Thank you. We go through it line by line; this page says how far we are."),
}
_NO_FILE = N_("Please choose a file.")
_LARGE = N_("This file is larger than 1 MB. Nothing was changed.")


@dataclass(frozen=True, slots=True)
class ArchiveView:
    """Archive of everything that a member said, as one file; `url` None while it is being made."""

    asked: datetime
    until: datetime
    url: str | None
    megabytes: str


@dataclass(frozen=True, slots=True)
class ImportView:
    """A file that was brought, and how far it is."""

    what: str
    since: datetime
    left: int
    done: int
    failed: int
    failed_url: str


@dataclass(frozen=True, slots=True)
class ImportExportView:
    """The page: files to fetch, `form` for one to bring."""

    files: tuple[tuple[str, str], ...]
    archives: tuple[ArchiveView, ...]
    imports: tuple[ImportView, ...]
    kinds: tuple[Choice, ...]
    modes: tuple[Choice, ...]
    form: FormView


async def show(request: web.Request) -> web.Response:
    """GET /settings/data."""
    _ = translations(site.locale_of(request)).gettext
    said = _DONE.get(request.query.get("done", ""))
    return await _page(request, FormView("import", {"mode": "merge"}), _(said) if said else None)


async def _page(request: web.Request, form: FormView, done: str | None = None) -> web.Response:
    page_request = site.page_request(
        request, current_user(request).me, form=True, current_page="settings", done=done
    )
    view, frame = await site.read(
        request, page_request, lambda reader, page_request: _view(reader, page_request, form)
    )
    return site.answer(
        request,
        page_request,
        PageResponse("import_export", frame, view, 422 if form.errors else 200),
    )


def _view(reader: Reader, page_request: PageRequest, form: FormView) -> ImportExportView:
    _ = translations(page_request.locale).gettext
    me = page_request.user
    return ImportExportView(
        files=tuple((_(_KINDS[kind]), f"{paths.SETTINGS_DATA}/{kind}.csv") for kind in _KINDS),
        archives=tuple(
            ArchiveView(
                one.created_at,
                one.expires_at,
                f"{paths.SETTINGS_ARCHIVE}/{one.id}" if one.file else None,
                f"{(one.bytes or 0) / 1_048_576:.1f}",
            )
            for one in exports.of_account(reader, me)
        ),
        imports=tuple(
            ImportView(
                _(_KINDS[one.kind]),
                one.created_at,
                one.due,
                one.done,
                one.failed,
                f"{paths.SETTINGS_IMPORTS}/{one.id}/failed.csv",
            )
            for one in imports.of_account(reader, me)
        ),
        kinds=tuple(Choice(kind, _(_KINDS[kind])) for kind in data_import.KINDS),
        modes=tuple(Choice(mode, _(label)) for mode, label in _MODES.items()),
        form=form,
    )


async def table(request: web.Request) -> web.Response:
    """GET /settings/data/follows.csv and its like."""
    kind = request.match_info["kind"]
    if kind not in FILES:
        raise not_found()
    data = await request.app[DATABASE].read(data_export.table, current_user(request).me.id, kind)
    return _file(data, FILES[kind][0])


def _file(data: bytes, name: str) -> web.Response:
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": site.PRIVATE,
    }
    return web.Response(body=data, content_type="text/csv", charset="utf-8", headers=headers)


async def ask(request: web.Request) -> web.Response:
    """POST /settings/data/archive."""
    await request.app[DATABASE].write(data_export.ask, current_user(request).me.id)
    return _redirect("archive")


async def fetch(request: web.Request) -> web.StreamResponse:
    """GET /settings/data/archive/id: only one's own, while it lasts."""
    id_ = int(request.match_info["id"])
    found = await request.app[DATABASE].read(exports.by_id, current_user(request).me.id, id_)
    if found is None or found.file is None:
        raise not_found()
    path = data_export.place_of(request.app[SETTINGS].data_dir / FOLDER, found.file)
    if path is None:
        raise not_found()
    day = found.created_at.date().isoformat()
    headers = {
        "Content-Disposition": f'attachment; filename="archive-{day}.zip"',
        "Content-Type": "application/zip",
        "Cache-Control": site.PRIVATE,
    }
    return web.FileResponse(path, headers=headers)


async def bring(request: web.Request) -> web.Response:
    """POST /settings/data/imports: a CSV file."""
    form, me = await form_of(request), current_user(request).me
    _ = translations(site.locale_of(request)).gettext
    kind, mode = form.text("kind", 20) or "", form.text("mode", 20) or "merge"
    if kind not in data_import.KINDS or mode not in MODES:
        raise not_found()
    upload = form.upload("file")
    if upload is None or not upload.data:
        return await _page(request, _again(form, _(_NO_FILE)))
    if len(upload.data) > data_import.MOST_BYTES:
        return await _page(request, _again(form, _(_LARGE)))
    try:
        lines = await asyncio.to_thread(data_import.read, upload.data)
        await request.app[DATABASE].write(data_import.begin, me, kind, mode, lines)
    except CannotImport as error:
        return await _page(request, _again(form, _(error.sentence) % error.values))
    return _redirect("import")


def _again(form: Form, sentence: str) -> FormView:
    values = {name: form.text(name, 20) or "" for name in ("kind", "mode")}
    return FormView("import", values, {"file": sentence})


async def download_failed_lines(request: web.Request) -> web.Response:
    """GET /settings/data/imports/id/failed.csv: the lines again, each with what was wrong."""
    id_, me = int(request.match_info["id"]), current_user(request).me.id
    _ = translations(site.locale_of(request)).gettext
    found: list[Line] = await request.app[DATABASE].read(imports.failed_lines, me, id_)
    if not found:
        raise not_found()
    rows = [(*line.cells, _(REASONS.get(line.reason or "", ""))) for line in found]
    return _file(data_export.write_csv(rows), "failed.csv")


def _redirect(name: str) -> web.Response:
    return web.Response(status=303, headers={"Location": f"{paths.SETTINGS_DATA}?done={name}"})


ROUTES: list[Route] = [
    page(paths.SETTINGS_DATA, show, Access.LOGGED_IN),
    page(paths.SETTINGS_DATA + "/{kind}.csv", table, Access.LOGGED_IN),
    form_route(paths.SETTINGS_ARCHIVE, ask, limit="post"),
    page(paths.SETTINGS_ARCHIVE + "/{id}", fetch, Access.LOGGED_IN),
    form_route(paths.SETTINGS_IMPORTS, bring, limit="post", body=ROOM),
    page(paths.SETTINGS_IMPORTS + "/{id}/failed.csv", download_failed_lines, Access.LOGGED_IN),
]
