"""Which tests matter for what changed, in an order; as many as fit into a minute on two cores.

Closest first: tests that were changed themselves, then those called like a changed module, then
those in its folder, then those that import it. How long a file takes is remembered by every run.
"""

import ast
import json
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
DURATIONS = ROOT / "build" / "durations.json"
PACKAGES = ("server", "federation", "storage")
SECONDS = 60.0  # of tests in all; two cores share them
USUAL = 5.0  # for a file of which nothing is known yet


def changed() -> set[str]:
    """Files that differ from the last commit, new ones too; of a clean tree, that commit's."""
    beside = _git("status", "--porcelain", "--untracked-files=all", "--no-renames")
    found = {line[3:] for line in beside}
    return found or set(_git("show", "--name-only", "--format=", "HEAD"))


def _git(*arguments: str) -> list[str]:
    """Lines of what git says; none where this is no repository."""
    said = subprocess.run(
        ["git", *arguments], cwd=ROOT, check=False, capture_output=True, text=True
    )
    return [line for line in said.stdout.splitlines() if line]


def matter(files: Iterable[str]) -> list[str]:
    """Test files that matter for these files, the closest first."""
    found: list[str] = []
    files = set(files)
    modules = [Path(file) for file in files if file.endswith(".py") and _package(file) in PACKAGES]
    tests = test_files()
    ranks = (
        [test for test in tests if test in files],
        [test for test in tests if any(_is_called_like(test, module) for module in modules)],
        [test for test in tests if any(_stands_beside(test, module) for module in modules)],
        [test for test in tests if imported(test) & {_dotted(module) for module in modules}],
    )
    for rank in ranks:
        found += [test for test in rank if test not in found]
    return found


@cache
def test_files() -> tuple[str, ...]:
    found = (one.relative_to(ROOT) for one in (ROOT / "tests").rglob("test_*.py"))
    return tuple(sorted(str(one) for one in found if "node_modules" not in one.parts))


def _package(file: str) -> str:
    return file.partition("/")[0]


def _dotted(module: Path) -> str:
    return ".".join(module.with_suffix("").parts)


def _is_called_like(test: str, module: Path) -> bool:
    """`test_filters_of_posts.py` is called like `filters.py`, by whole words."""
    words = re.escape(module.stem)
    return bool(re.search(rf"test_(?:\w+_)?{words}(?:_\w+)?$", Path(test).stem))


def _stands_beside(test: str, module: Path) -> bool:
    return Path(test).parent == Path("tests") / module.parent


@cache
def imported(test: str) -> frozenset[str]:
    """Modules that a test file imports itself, and what it may mean by names of packages."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / test).read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{one.name}" for one in node.names)}
    return frozenset(found)


def fitting(tests: Sequence[str], durations: Mapping[str, float]) -> list[str]:
    """Tests that fit from the first on; what is too long is left out for shorter ones."""
    left, found = SECONDS, list[str]()
    for test in tests:
        takes = durations.get(test, USUAL)
        if takes <= left:
            left -= takes
            found.append(test)
    return found


def known() -> dict[str, float]:
    """Seconds by test file, from earlier runs."""
    try:
        found: dict[str, float] = json.loads(DURATIONS.read_text())
    except (OSError, ValueError):
        return {}
    return found


def remember(seconds: Mapping[str, float]) -> None:
    DURATIONS.parent.mkdir(exist_ok=True)
    DURATIONS.write_text(json.dumps({**known(), **seconds}, indent=0, sort_keys=True))
