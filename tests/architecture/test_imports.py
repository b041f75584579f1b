"""What only few need is loaded when they need it: every server, and every command, does without."""

import sys
from subprocess import run

import pytest

ALL = "import server.__main__, sys; print(*sorted(sys.modules))"


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    """Modules of a process that has read all of the server."""
    told = run([sys.executable, "-c", ALL], capture_output=True, text=True, check=True)
    return set(told.stdout.split())


def test_import_reader_read_all_of_the_server(loaded: set[str]) -> None:
    assert {
        "server.app",
        "server.access.passkeys",
        "server.access.totp",
        "federation.vocabulary.jsonld",
    } <= loaded


@pytest.mark.parametrize("library", ["webauthn", "pyld", "segno", "PIL"])
def test_rarely_needed_modules_are_not_loaded_at_the_start(loaded: set[str], library: str) -> None:
    assert library not in loaded
