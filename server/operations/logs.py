"""Logs: one JSON object a line (or text for people), with the request's number and no secrets."""

import json
import logging
import re
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger
from aiohttp.http import HttpProcessingError
from aiohttp.typedefs import Handler

from server.http.headers import request_id

FIELDS = ("request_id", "method", "path", "status", "ms")
LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
HIDDEN = "[hidden]"

_number: ContextVar[str] = ContextVar("number", default="")

# Nobody should log these; where somebody does, or an error quotes its input, they are taken out.
_QUERY = re.compile(r"\b(https?://[^\s?\"'<>]+)\?[^\s\"'<>]+", re.IGNORECASE)
_BEARER = re.compile(r"\b(bearer|basic)\s+[^\s\"',;]+", re.IGNORECASE)
_HEADER = re.compile(r"\b(authorization|(?:set-)?cookie)([\"']?\s*[=:]).+", re.IGNORECASE)
_NAMED = re.compile(
    r"\b(password|(?:client_)?secret|(?:access_|refresh_|bearer_)?token|(?:invite_)?code"
    r"|code_verifier|csrf)"
    r"([\"']?\s*[=:]\s*)(?:\"[^\"]*\"|'[^']*'|[^\s\"'&;,)}\]]+)",
    re.IGNORECASE,
)


@web.middleware
async def number_requests(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Mark whatever is logged while a request is answered with the number of the request."""
    before = _number.set(request_id(request))
    try:
        return await handler(request)
    finally:
        _number.reset(before)


def _safe(text: str) -> str:
    """Text without control characters, which reach terminals or make second lines (SECURITY 56)."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _without_secrets(text: str) -> str:
    text = _QUERY.sub(rf"\1?{HIDDEN}", text)
    text = _HEADER.sub(rf"\1\2 {HIDDEN}", text)
    return _NAMED.sub(rf"\1\2{HIDDEN}", _BEARER.sub(rf"\1 {HIDDEN}", text))


class _Clean(logging.Formatter):
    """Base of both log formats."""

    def message_of(self, record: logging.LogRecord) -> str:
        return _safe(_without_secrets(record.getMessage()))

    def trace_of(self, record: logging.LogRecord) -> str:
        """Lines stay lines; what an error quotes in them is no less dangerous than a message."""
        if not record.exc_info:
            return ""
        lines = _without_secrets(self.formatException(record.exc_info)).split("\n")
        return "\n".join(map(_safe, lines))


class Json(_Clean):
    """Formatter for programs."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        said: dict[str, Any] = {
            "time": moment.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self.message_of(record),
        }
        if number := _number.get():
            said["request_id"] = number
        said |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        if trace := self.trace_of(record):
            said["trace"] = trace
        return json.dumps(said, ensure_ascii=False)


class Text(_Clean):
    """Formatter for people."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        line = f"{moment:%H:%M:%S} {record.levelname.lower():7} {self.message_of(record)}"
        number = getattr(record, "request_id", "") or _number.get()
        trace = self.trace_of(record)
        return line + (f" [{number}]" if number else "") + (f"\n{trace}" if trace else "")


class _Unreadable(logging.Filter):
    """Filter that hides words of what is no HTTP: aiohttp's error quotes the line, secrets and all.

    It is nobody's fault here, so no error either; nor is a body packed otherwise than it says.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError | web.RequestPayloadError):
            record.levelno, record.levelname = logging.INFO, "INFO"
            record.msg, record.exc_info = f"{record.msg}: {type(error).__name__}", None
        return True


def begin(level: str, form: str) -> None:
    """Send every log message to standard error, whoever says it."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Json() if form == "json" else Text())
    handler.addFilter(_Unreadable())
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
