"""The bench runs: a small one, whose figures nobody looks at."""

import os
import signal
import subprocess
import sys

import pytest

from tests.benchmarks import wrk
from tests.benchmarks.load import Figure
from tests.benchmarks.table import Table

SMALL = ("--members", "3", "--posts", "20", "--times", "20", "--servers", "2", "--python")

MEASURED = (
    """
bare handler|posting, 1 at once|posting, 8|posting, 32|oauth-authorization-server|/health
instance, v1|instance, v2|nodeinfo|webfinger|markers|document: actor|document: post
document: collection|actor, signed|post, signed|collection, signed|home timeline
public timeline, 20|account's posts, 20|notifications|one status|its thread|a follow|a note
a delivery|memory|database
""".replace("\n", "|")
    .strip("|")
    .split("|")
)

SAID = """Running 1s test @ http://localhost:8000/health
  1 threads and 16 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.02ms    2.14ms  34.11ms   96.52%
    Req/Sec    23.45k     3.21k   27.19k    81.82%
  Latency Distribution
     50%  587.00us
     75%    0.91ms
     90%    1.27ms
     99%    1.20s
  25713 requests in 1.10s, 3.92MB read
Requests/sec:  23375.47
Transfer/sec:      3.57MB
"""


def test_small_bench_says_what_everything_costs() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks", *SMALL],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as bench:
        try:
            said, failed = bench.communicate(timeout=300)
        except subprocess.TimeoutExpired:
            os.killpg(bench.pid, signal.SIGKILL)  # the servers that it started, too
            raise
    assert bench.returncode == 0, failed
    lines = said.splitlines()
    assert "a client in Python" in lines[0]  # it says when its figures hide something
    for what in MEASURED:
        assert any(what in line for line in lines), what
    (titles,) = (line.split() for line in lines if "CPU µs" in line)
    assert titles == ["n", "per", "s", "CPU", "µs", "R", "p50", "ms", "p99", "ms"]


async def test_bench_says_what_it_measures_before_it_does(
    capsys: pytest.CaptureFixture[str],
) -> None:
    heard: list[str] = []

    async def work() -> Figure:
        heard.append(capsys.readouterr().out)
        return Figure("", times=10, seconds=1.0, cpu=0.02)

    table = Table()
    await table.row("a bare handler", work)
    await table.row("something", work)
    assert [one.split("\n")[-1].strip() for one in heard] == ["a bare handler", "something"]
    assert capsys.readouterr().out.split() == ["10", "10", "2000", "1.0"]


def test_bench_understands_what_wrk_prints() -> None:
    figure = wrk.read(SAID, cpu=1.1)
    assert (figure.times, figure.seconds) == (25713, 1.1)
    assert (figure.wait(0.5), figure.wait(0.99)) == (0.587, 1200.0)


@pytest.mark.parametrize(
    "said",
    [
        "",
        SAID.replace("25713", "0"),
        SAID + "  Non-2xx or 3xx responses: 3\n",
        SAID + "  Socket errors: connect 0, read 4, write 0, timeout 1\n",
    ],
)
def test_answers_that_are_not_what_was_asked_for_are_no_figure(said: str) -> None:
    with pytest.raises(RuntimeError):
        wrk.read(said, cpu=1.0)
