"""Logs: one JSON object a line (or text for people), with the request's number and no secrets."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

from server.headers import request_id

FIELDS = ("request_id", "method", "path", "status", "ms")
LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def _safe(text: str) -> str:
    """No control character reaches a terminal or makes a second line (SECURITY 56)."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class Json(logging.Formatter):
    """For programs."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        said: dict[str, Any] = {
            "time": moment.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _safe(record.getMessage()),
        }
        said |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        if record.exc_info:
            said["trace"] = self.formatException(record.exc_info)
        return json.dumps(said, ensure_ascii=False)


class Text(logging.Formatter):
    """For people."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        line = f"{moment:%H:%M:%S} {record.levelname.lower():7} {_safe(record.getMessage())}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def begin(level: str, form: str) -> None:
    """Everything goes to standard error, whoever says it."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Json() if form == "json" else Text())
    logging.basicConfig(level=LEVELS[level], handlers=[handler], force=True)
    logging.getLogger("aiosqlite").setLevel(logging.WARNING)
    logging.getLogger("asyncio").setLevel(logging.WARNING)


class Requests(AbstractAccessLogger):
    """A line for each request: never its query, headers or body."""

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        path = _safe(request.path)[:500]
        number = request_id(request) if isinstance(request, web.Request) else ""
        self.logger.info(
            "%s %s %s",
            request.method,
            path,
            response.status,
            extra={
                "request_id": number,
                "method": request.method,
                "path": path,
                "status": response.status,
                "ms": round(time * 1000, 1),
            },
        )
