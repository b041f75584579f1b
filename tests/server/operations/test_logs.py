"""Logs and figures: what they hold, and what they never hold (SECURITY 56)."""

import io
import json
import logging
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.typedefs import Handler

from server.http.headers import request_id
from server.operations.logs import HIDDEN, Json, Text, number_requests
from tests.support.process import HANGS, KITH, environment, free_port, wait_until_healthy

PLANTED = "planted-5c1d9a7e"


@pytest.mark.parametrize("form", [Json(), Text()])
def test_log_lines_are_written_by_nobody_else(form: logging.Formatter) -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, "%s", ("a\r\nb\x1b[31m\u2028c",), None)
    line = form.format(record)
    assert not set("\r\n\x1b\u2028") & set(line)


@pytest.mark.parametrize("form", [Json(), Text()])
def test_error_writes_no_line_of_its_own_either(form: logging.Formatter) -> None:
    try:
        raise ValueError("a\r\x1b[31m\u2028b")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "", 0, "bad", (), sys.exc_info())
    line = form.format(record)
    assert "ValueError" in line
    assert not set("\r\x1b\u2028") & set(line)


SAID = (
    f"GET https://home.example/reset?anything={PLANTED} failed",
    f"Authorization: Bearer {PLANTED}",
    f"{{'Cookie': 'kith={PLANTED}; more={PLANTED}', 'Host': 'x'}}",
    f"bearer {PLANTED} is unknown",
    f'{{"password": "{PLANTED} and {PLANTED}", "login": "x"}}',
    f"{{'client_secret': '{PLANTED}'}}",
    f"grant_type=password&username=x&password={PLANTED}&access_token={PLANTED}",
    f"invite_code={PLANTED}",
    f"csrf: {PLANTED}",
)


@pytest.mark.parametrize("form", [Json(), Text()])
def test_text_that_looks_like_a_secret_is_taken_out(form: logging.Formatter) -> None:
    for said in SAID:
        try:
            raise ValueError(said)
        except ValueError:
            record = logging.LogRecord("x", 40, "", 0, "%s", (said,), sys.exc_info())
        line = form.format(record)
        assert PLANTED not in line, said
        assert HIDDEN in line
    print(f"{len(SAID)} ways to say a secret")


async def test_log_lines_while_answering_have_the_requests_number() -> None:
    lines: list[dict[str, str]] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(json.loads(Json().format(record)))

    async def handle(_: web.Request) -> web.Response:
        log.warning("while answering")
        return web.Response()

    @web.middleware
    async def outer(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        log.warning("afterwards, in the task of the connection")
        return response

    log, kept = logging.getLogger("tests.numbered"), Kept()
    log.addHandler(kept)
    app = web.Application(middlewares=[outer, number_requests])
    app.router.add_get("/", handle)

    async def tell(request: web.Request, response: web.StreamResponse) -> None:
        response.headers["X-Request-Id"] = request_id(request)

    app.on_response_prepare.append(tell)
    async with TestClient(TestServer(app)) as client:
        numbers = [(await client.get("/")).headers["X-Request-Id"] for _ in range(2)]
    log.removeHandler(kept)
    assert [line.get("request_id") for line in lines] == [numbers[0], None, numbers[1], None]


def test_secrets_reach_no_log_and_every_request_has_its_number(tmp_path: Path) -> None:
    port, metrics = free_port(), free_port()
    environ = environment(tmp_path, port) | {
        "KITH_LOG_FORMAT": "json",
        "KITH_METRICS_LISTEN": f"127.0.0.1:{metrics}",
    }
    base = f"http://localhost:{port}"
    with subprocess.Popen(
        [*KITH, "serve"], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        wait_until_healthy(base, process)
        numbers = send_secrets(base)
        send_nonsense(port)
        figures = requests.get(f"http://127.0.0.1:{metrics}/metrics", timeout=HANGS).text
        process.terminate()
        _, logged = process.communicate(timeout=HANGS)
    assert PLANTED not in logged
    lines = [json.loads(line) for line in io.StringIO(logged)]
    assert numbers <= {line.get("request_id") for line in lines}
    assert all({"time", "level", "message"} <= set(line) for line in lines)
    assert [line for line in lines if line["level"] == "error"] == []
    for name in (
        "kith_requests_total",
        "kith_deliveries_due",
        "kith_loop_lag_seconds",
        "kith_writer_waiting",
        "kith_hosts_failing",
        "kith_request_seconds_bucket",
    ):
        assert name in figures
    assert PLANTED not in figures


def send_secrets(base: str) -> set[str]:
    """A secret in every place where one could stand; return the requests' numbers."""
    headers = {"Authorization": f"Bearer {PLANTED}", "Cookie": f"kith={PLANTED}"}
    secret = {"client_secret": PLANTED, "code": PLANTED, "password": PLANTED, "login": "x"}
    answers = [
        requests.request(method, f"{base}{path}", headers=headers, data=data, timeout=HANGS)
        for method, path, data in (
            ("GET", f"/api/v1/preferences?access_token={PLANTED}", None),
            ("POST", "/oauth/token", secret),
            ("POST", "/login", secret),
            ("GET", f"/reset/new?token={PLANTED}", None),
            ("POST", "/inbox", PLANTED),
        )
    ]
    return {answer.headers["X-Request-Id"] for answer in answers}


TOKEN = "POST /oauth/token HTTP/1.1\r\nHost: a\r\n"
NONSENSE = (
    f"GET /x?access_token={PLANTED}\x01 HTTP/1.1\r\nHost: a\r\n\r\n",
    f"GET /x?access_token={PLANTED} HTTP/9.9\r\nHost: a\r\n\r\n",
    f"GET /x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {PLANTED}\x00\r\n\r\n",
    f"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: {PLANTED}\r\n\r\n",
    f"GET /x HTTP/1.1\r\nHost: a\r\nCookie: {PLANTED * 2000}\r\n\r\n",
    f"POST /login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{PLANTED}\r\n",
    f"{PLANTED} /x HTTP/1.1\r\nHost: {PLANTED}:x\r\n\r\n",
    f"{TOKEN}Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 99\r\n\r\n--b\r\n"
    f"{PLANTED}",
    f"{TOKEN}Authorization: Basic \u00ff{PLANTED}\r\n\r\n",
)


def send_nonsense(port: int) -> None:
    """What is no HTTP, and the server's own library would quote."""
    for text in NONSENSE:
        with socket.create_connection(("127.0.0.1", port), 5) as connection:
            connection.sendall(text.encode("latin-1"))
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass
    with socket.create_connection(("127.0.0.1", port), 5) as gone:  # amid what is being read
        gone.sendall(f"{TOKEN}Content-Length: 99\r\nExpect: 100-continue\r\n\r\n".encode())
        assert gone.recv(4096).startswith(b"HTTP/1.1 100 ")
        gone.sendall(PLANTED.encode())
    url, packed = f"http://127.0.0.1:{port}/oauth/token", {"Content-Encoding": "gzip"}
    assert requests.post(url, data=PLANTED, headers=packed, timeout=HANGS).status_code == 400
    print(f"{len(NONSENSE) + 2} kinds of nonsense")
