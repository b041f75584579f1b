"""Preferences, and how far the user has read: only they themselves notice either."""

from aiohttp import web

from server.entities import shapes
from server.entities.shared import when
from server.http.app_keys import DATABASE
from server.http.errors import unprocessable
from server.http.forms import Form, form_of
from server.http.guard import Access, Route, current_user, get, post
from server.http.responses import answer
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Writer
from storage.reading import markers

TIMELINES = ("home", "notifications")


async def preferences(request: web.Request) -> web.Response:
    settings = current_user(request).own_account.settings
    return answer(
        {
            "posting:default:visibility": settings.get("privacy", "public"),
            "posting:default:sensitive": bool(settings.get("sensitive", False)),
            "posting:default:language": settings.get("language"),
            "posting:default:quote_policy": settings.get("quote_policy", "public"),
            "reading:expand:media": "default",
            "reading:expand:spoilers": False,
            "reading:autoplay:gifs": False,
        }
    )


async def read_markers(request: web.Request) -> web.Response:
    wanted = (await form_of(request)).texts("timeline") or list(TIMELINES)
    found = await request.app[DATABASE].read(_markers, current_user(request).me.id)
    return answer({name: found[name] for name in wanted if name in found})


def _markers(reader: Reader, me: ActorId) -> dict[str, shapes.Marker]:
    return {
        marker.timeline: {
            "last_read_id": str(marker.last_read),
            "version": marker.version,
            "updated_at": when(marker.updated_at),
        }
        for marker in markers.of(reader, me)
    }


async def keep_markers(request: web.Request) -> web.Response:
    form, me = await form_of(request), current_user(request).me.id
    wanted = {name: _read_up_to(form, name) for name in TIMELINES if name in form}
    return answer(await request.app[DATABASE].write(_keep, me, wanted))


def _read_up_to(form: Form, name: str) -> int:
    group = form.group(name)
    number = group.number("last_read_id") if group else None
    if number is None:
        raise unprocessable(f"“{name}” needs the number of what was read last.")
    return number


def _keep(writer: Writer, me: ActorId, wanted: dict[str, int]) -> dict[str, shapes.Marker]:
    for name, last in wanted.items():
        markers.put(writer, me, name, last)
    found = _markers(writer, me)
    return {name: found[name] for name in wanted}


ROUTES: list[Route] = [
    get("/api/v1/preferences", preferences, Access.MEMBER, "read:accounts"),
    get("/api/v1/markers", read_markers, Access.MEMBER, "read:statuses"),
    post("/api/v1/markers", keep_markers, Access.MEMBER, "write:statuses"),
]
