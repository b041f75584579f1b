"""Logs and figures: what they hold, and what they never hold (SECURITY 56)."""

import io
import json
import logging
import subprocess
from pathlib import Path

import pytest
import requests

from server.logs import Json, Text
from tests.support.process import KITH, environment, free_port, wait_until_healthy

PLANTED = "planted-5c1d9a7e"


@pytest.mark.parametrize("form", [Json(), Text()])
def test_nobody_writes_a_line_of_their_own(form: logging.Formatter) -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, "%s", ("a\r\nb\x1b[31m\u2028c",), None)
    line = form.format(record)
    assert not set("\r\n\x1b\u2028") & set(line)


def test_no_secret_reaches_a_log_and_every_request_has_its_number(tmp_path: Path) -> None:
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
        figures = requests.get(f"http://127.0.0.1:{metrics}/metrics", timeout=5).text
        process.terminate()
        _, logged = process.communicate(timeout=20)
    assert PLANTED not in logged
    lines = [json.loads(line) for line in io.StringIO(logged)]
    assert numbers <= {line.get("request_id") for line in lines}
    assert all({"time", "level", "message"} <= set(line) for line in lines)
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
        requests.request(method, f"{base}{path}", headers=headers, data=data, timeout=5)
        for method, path, data in (
            ("GET", f"/api/v1/preferences?access_token={PLANTED}", None),
            ("POST", "/oauth/token", secret),
            ("POST", "/login", secret),
            ("GET", f"/reset/new?token={PLANTED}", None),
            ("POST", "/inbox", PLANTED),
        )
    ]
    return {answer.headers["X-Request-Id"] for answer in answers}
