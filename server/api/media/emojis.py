"""`/api/v1/custom_emojis`: what clients offer while one writes."""

from aiohttp import web

from server.entities import emoji as emoji_entity
from server.entities import shapes
from server.http.app_keys import DATABASE
from server.http.guard import Access, Route, get
from server.http.responses import answer
from storage.engine.transaction import Reader
from storage.media import emojis


async def list_emojis(request: web.Request) -> web.Response:
    return answer(await request.app[DATABASE].read(_list))


def _list(reader: Reader) -> list[shapes.CustomEmoji]:
    return [emoji_entity.render(reader.site, one) for one in emojis.ours(reader) if one.visible]


ROUTES: list[Route] = [get("/api/v1/custom_emojis", list_emojis, Access.PUBLIC)]
