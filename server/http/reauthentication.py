"""Whether somebody has just proved who they are: asked before what does lasting harm.

A log-in proves it, and so does a password or another factor given once more at PAGE.
"""

from datetime import timedelta
from urllib.parse import quote

from aiohttp import web

from server.http.app_keys import OUTSIDE
from server.http.auth import CURRENT_USER

LASTS = timedelta(minutes=15)
AHEAD = timedelta(minutes=1)  # that a clock may be set back without anybody minding
PAGE = "/settings/prove"


def fresh_proof(request: web.Request) -> bool:
    """Whether the session's owner gave a password or factor in the last 15 minutes.

    What was given later than now was given while the clock was ahead: nobody knows when.
    """
    session = request[CURRENT_USER].session
    if session is None or session.proven_at is None:
        return False
    since = request.app[OUTSIDE].clock() - session.proven_at
    return -AHEAD < since < LASTS


def ensure_fresh(request: web.Request, back: str) -> None:
    """Ask handlers of pages for fresh proof: without it nothing is done.

    `back` is the path of the page to go on from, such as the one with the form.
    """
    if not fresh_proof(request):
        raise web.HTTPSeeOther(f"{PAGE}?next={quote(back, safe='')}")
