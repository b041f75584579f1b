"""toot, the command-line client, as its users use it, through our own pages."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.browsing import Visitor
from tests.support.process import HANGS, PASSWORD, Running, running

TOOT = str(Path(sys.executable).with_name("toot"))


@dataclass(frozen=True)
class Terminal:
    """Somebody at a terminal, logged in with toot."""

    environ: dict[str, str]

    def toot(self, *arguments: str) -> str:
        done = subprocess.run(
            [TOOT, "--no-color", *arguments],
            env=self.environ,
            check=False,
            capture_output=True,
            text=True,
            timeout=HANGS,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("toot")) as made:
        for name in ("ines", "bep"):
            made.member(name)
        yield made


def log_in(server: Running, name: str, folder: Path) -> Terminal:
    """`toot login`: it shows an address, and waits for the code from the page behind it."""
    environ = {**os.environ, "XDG_CONFIG_HOME": str(folder), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [TOOT, "--no-color", "login", "--instance", server.base],
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as toot:
        assert toot.stdout
        assert toot.stdin
        address = ""
        while not address.startswith("http"):
            line = toot.stdout.readline()
            assert line, "toot showed no address"
            address = line.strip()
        code = Visitor(server.base).let_in(address, name, PASSWORD)
        rest, _ = toot.communicate(f"n\n{code}\n", timeout=HANGS)
        assert toot.returncode == 0, rest
        assert "Successfully logged in" in rest
    return Terminal(environ)


def number_in(text: str) -> str:
    found = re.search(r"/@\w+/(\d+)", text)
    assert found, text
    return found[1]


def test_evening_at_a_terminal(server: Running, tmp_path: Path) -> None:
    ines = log_in(server, "ines", tmp_path / "ines")
    bep = log_in(server, "bep", tmp_path / "bep")
    assert "ines" in ines.toot("whoami")
    assert server.base.removeprefix("http://") in ines.toot("instance")

    ines.toot("follow", "bep")
    assert "bep" in ines.toot("following", "ines")
    said = number_in(bep.toot("post", "There is one spring left over. #mending"))
    assert "There is one spring left over." in ines.toot("timelines", "home")
    ines.toot("post", "--reply-to", said, "@bep It plays, so keep the spring.")
    assert "keep the spring" in bep.toot("thread", said)
    ines.toot("favourite", said)
    ines.toot("reblog", said)
    ines.toot("bookmark", said)
    assert "one spring" in ines.toot("bookmarks")
    told = bep.toot("notifications")
    for what in ("favourited", "boosted", "mentioned", "now follows"):
        assert what in told
    assert "bep" in ines.toot("search", "bep")
    assert "one spring" in ines.toot("timelines", "tag", "mending")
    ines.toot("unfavourite", said)
    ines.toot("unreblog", said)
    ines.toot("mute", "bep")
    assert "bep" in ines.toot("muted")
    ines.toot("unmute", "bep")
    ines.toot("block", "bep")
    assert "bep" in ines.toot("blocked")
    ines.toot("unblock", "bep")
    bep.toot("delete", said)
    ines.toot("unfollow", "bep")
