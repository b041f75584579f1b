"""Lists of posts: read and rendered in one hop, with links to go on."""

from collections.abc import Callable, Sequence

from aiohttp import web

from server.entities import status as status_entity
from server.entities.json_parts import Rendered
from server.http.app_keys import DATABASE
from server.http.guard import current_user
from server.http.pagination import answer_with_links
from storage.engine.pagination import Page
from storage.engine.transaction import Reader
from storage.posts.visibility import Viewer
from storage.reading.timelines import Entry, Line

Find = Callable[[Reader, Page], Sequence[Entry | Line]]


async def show_page(
    request: web.Request, find: Find, page: Page, *, always_next: bool = True
) -> web.Response:
    """Read and render in one hop, then answer with the links to go on."""
    viewer = current_user(request).viewer
    body, cursors = await request.app[DATABASE].read(_render_page, viewer, find, page)
    return answer_with_links(request, body, cursors, page, always_next=always_next)


def _render_page(
    reader: Reader, viewer: Viewer, find: Find, page: Page
) -> tuple[list[Rendered], list[int]]:
    lines = [one.line if isinstance(one, Entry) else one for one in find(reader, page)]
    return status_entity.of_lines(reader, viewer, lines), [one.cursor for one in lines]
