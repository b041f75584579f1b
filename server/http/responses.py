"""Answers in JSON, encoded once and fast."""

from typing import Any

import orjson
from aiohttp import web


def answer(body: Any, status: int = 200, content_type: str = "application/json") -> web.Response:
    return web.Response(
        body=orjson.dumps(body), status=status, content_type=content_type, charset=None
    )
