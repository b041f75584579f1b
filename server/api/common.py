"""Helpers of many resources: the number in the address."""

from aiohttp import web

from server.http.errors import no_door
from server.http.parsing import id_of
from storage.engine.ids import ActorId, PostId


def number(request: web.Request, name: str = "id") -> int:
    """A number in the path; where something else stands there, that is no door at all."""
    found = id_of(request.match_info[name])
    if found is None:
        raise no_door()
    return found


def actor_number(request: web.Request) -> ActorId:
    return ActorId(number(request))


def post_number(request: web.Request) -> PostId:
    return PostId(number(request))
