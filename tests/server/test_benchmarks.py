"""The bench runs: a small one, whose figures nobody looks at."""

import subprocess
import sys

SMALL = ("--members", "3", "--posts", "20", "--times", "20", "--servers", "2")


def test_a_small_bench_says_what_everything_costs() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", *SMALL],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 12
    for what in ("home timeline", "one status", "posting", "inbox", "visible", "letter", "memory"):
        assert any(what in line for line in lines), what
