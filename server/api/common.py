"""Helpers of many resources: the number in the address."""

from aiohttp import web

from server.http.errors import not_found
from server.http.parsing import id_of
from storage.engine.ids import ActorId, PostId


def number(request: web.Request, name: str = "id") -> int:
    """A number in the path; anything else is nobody's number."""
    found = id_of(request.match_info[name])
    if found is None:
        raise not_found()
    return found


def actor_number(request: web.Request) -> ActorId:
    return ActorId(number(request))


def post_number(request: web.Request) -> PostId:
    return PostId(number(request))
