"""`python -m tests`: format, lint, types, import rules, then the tests; stops at the first failure.

What follows on the command line goes to pytest: `python -m tests -k inbox`. Each core takes whole
files; `python -m tests -n 0` runs them in one process, for a debugger.

`python -m tests --short` runs the part that shows soonest whether another Python will do,
`python -m tests --quick` format, lint and the tests that matter for what changed (tests/quick.py).
"""

import subprocess
import sys
from pathlib import Path

from tests import quick

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent  # works without an activated environment
CORES = ["-q", "-n", "auto", "--dist", "loadfile", "--no-loadscope-reorder"]

# What meets the standard library at every corner, without the tests that start many processes:
# storage, federation, a server that is asked and killed, its guarded worker for pictures.
SHORT = """
tests/architecture tests/storage tests/federation tests/journeys/test_following.py
tests/server/access/test_oauth.py tests/server/actions/people/test_profiles.py
tests/server/test_serving.py tests/server/settings/test_settings.py
tests/server/test_statement_counts.py
""".split()


def steps(arguments: list[str]) -> dict[str, list[str]]:
    python = [sys.executable, "-m"]
    if "--short" in arguments:
        chosen = [one for one in arguments if one != "--short"]
        return {"tests, the short form": [*python, "pytest", *CORES, *SHORT, *chosen]}
    checks = {
        "format": [*python, "ruff", "format", "--check", "."],
        "lint": [*python, "ruff", "check", "."],
    }
    if "--quick" in arguments:
        return checks | _quick([one for one in arguments if one != "--quick"])
    return checks | {
        "types": [*python, "mypy"],
        "import rules": [str(BIN / "lint-imports"), "--no-logo"],
        "tests": [*python, "pytest", *CORES, *arguments],
    }


def _quick(arguments: list[str]) -> dict[str, list[str]]:
    all_of_them = quick.matter(quick.changed())
    chosen = quick.fitting(all_of_them, quick.known())
    print(f"{len(chosen)} of {len(all_of_them)} test files that matter for what changed.")
    if not chosen:
        return {}
    python = [sys.executable, "-m"]
    return {"tests that matter": [*python, "pytest", *CORES, *chosen, *arguments]}


def run(name: str, command: list[str]) -> int:
    print(f"== {name}", flush=True)
    try:
        return subprocess.run(command, cwd=ROOT, check=False).returncode
    except FileNotFoundError:
        print(f"{command[0]} is missing: run `make install`.", file=sys.stderr)
        return 127


def main() -> int:
    for name, command in steps(sys.argv[1:]).items():
        if code := run(name, command):
            print(f"Stopped at: {name}.", file=sys.stderr)
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
