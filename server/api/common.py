"""Helper of many resources: the number in the address."""

from aiohttp import web

from server.http.errors import not_found
from server.http.parsing import id_of


def number(request: web.Request, name: str = "id") -> int:
    """A number in the path; anything else is nobody's number."""
    found = id_of(request.match_info[name])
    if found is None:
        raise not_found()
    return found
