"""The command `kith`, as scripts and admins use it: a real process, beside a server and without."""

import json
import os
import signal
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from server.cli import init
from server.cli.control_socket import CommandFailed
from storage.engine.clock import system_clock
from tests.server.media.test_processing import corners, encoded
from tests.support.process import (
    HANGS,
    KITH,
    PASSWORD,
    Running,
    environment,
    free_port,
    running,
    wait_until_healthy,
)


def kith(environ: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*KITH, *arguments], env=environ, capture_output=True, text=True, timeout=HANGS, check=False
    )


def post(server: Running, token: str, text: str) -> str:
    answer = requests.post(
        f"{server.base}/api/v1/statuses",
        json={"status": text},
        headers={"Authorization": f"Bearer {token}"},
        timeout=HANGS,
    )
    answer.raise_for_status()
    return str(answer.json()["id"])


def home(server: Running, token: str) -> list[str]:
    """The numbers of everything in the home list, page by page."""
    found: list[str] = []
    address: str | None = f"{server.base}/api/v1/timelines/home?limit=40"
    while address:
        answer = requests.get(address, headers={"Authorization": f"Bearer {token}"}, timeout=HANGS)
        found += [status["id"] for status in answer.json()]
        address = answer.links.get("next", {}).get("url")
    return found


def test_commands_do_the_same_beside_a_server_and_without_one(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        mode = stat.S_IMODE((tmp_path / "data" / "control.sock").stat().st_mode)
        assert mode == 0o600
        server.member("ines")
        token = server.token("ines")
        assert post(server, token, "Beside a running server.")
    made = kith(server.environ, "token", "create", "ines", "--scopes", "read", "--json")
    second = json.loads(made.stdout)["access_token"]
    with running(tmp_path / "data", server.port) as again:
        assert len(home(again, second)) == 1
        listed = kith(again.environ, "account", "list")
        assert "ines@post.example" in listed.stdout


def test_refusal_is_said_in_a_sentence(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        server.member("ines")
        for arguments, says in (
            (("account", "create", "ines", "--email", "x@y.example"), "belongs to somebody"),
            (("account", "create", "I N", "--email", "x@y.example"), "small letters"),
            (("token", "create", "nobody"), "Nobody here is called"),
            (("token", "create", "ines", "--scopes", "everything"), "There is no scope"),
            (("account", "approve", "ines"), "not waiting"),
            (("serve",), "Another Kith process"),
        ):
            done = kith(server.environ, *arguments)
            assert done.returncode == 1, arguments
            assert says in done.stderr, done.stderr
            assert "Traceback" not in done.stderr
    wrong = server.environ | {"KITH_DOMIAN": "x"}
    assert "did you mean" in kith(wrong, "serve").stderr.lower()
    other = server.environ | {"KITH_DOMAIN": "elsewhere.localhost:9999"}
    assert "belongs to" in kith(other, "account", "list").stderr


def test_words_that_are_not_understood_end_with_two(tmp_path: Path) -> None:
    environ = environment(tmp_path, free_port())
    for arguments in ((), ("water",), ("account",), ("token", "create"), ("invite", "--uses", "x")):
        done = kith(environ, *arguments)
        assert (done.returncode, done.stderr[:6]) == (2, "usage:"), arguments
    assert kith(environ, "version").stdout.startswith("kith ")
    assert json.loads(kith(environ, "version", "--json").stdout)["version"]


def test_charter_is_read_as_it_is_meant_or_refused(tmp_path: Path) -> None:
    file = tmp_path / "charter.toml"
    one = '[[commitments]]\ntext = "We answer."\n'
    with running(tmp_path / "data") as server:
        for text, says in (
            (b"\xff", "no text in UTF-8"),
            (b"= x", "not written as TOML"),
            (one.encode(), "needs a purpose"),
            (b'purpose = "x"', "one to 7"),
            (b'purpose = "x"\ncommitments = "abc"', "one to 7"),
            (b'purpose = "x"\ncommitments = ["abc"]', "has a text"),
            (b'purpose = "x"\n[[commitments]]\nhint = "y"', "needs a text"),
            (b'purpose = "x"\n[[commitments]]\ntext = 7', "a text of at most"),
            (b'purpose = "x"\n' + one.encode() * 8, "one to 7"),
            (b'porpoise = "x"\npurpose = "x"\n' + one.encode(), "no “porpoise”"),
        ):
            file.write_bytes(text)
            done = kith(server.environ, "charter", "set", str(file))
            assert (done.returncode, "Traceback" in done.stderr) == (1, False), text
            assert says in done.stderr, done.stderr
        assert "No such file" in kith(server.environ, "charter", "set", "nowhere").stderr
        file.write_text(f'purpose = "To mend things."\n{one}')
        before = server.kith("charter", "show")
        assert server.kith("charter", "set", str(file))["version"] == before["version"] + 1
        after = server.kith("charter", "show")
    assert after["commitments"] == [{"text": "We answer.", "hint": ""}]
    assert after["purpose"] == "To mend things."
    assert (after["name"], after["question"]) == (before["name"], before["question"])


def test_emoji_are_added_beside_the_running_server(tmp_path: Path) -> None:
    picture = tmp_path / "leek.png"
    picture.write_bytes(encoded(corners(64, 64), "PNG"))
    with running(tmp_path / "data") as server:
        added = server.kith("emoji", "add", "leek", str(picture), "--category", "Garden")
        assert added == {"name": "leek", "category": "Garden"}
        (shown,) = requests.get(f"{server.base}/api/v1/custom_emojis", timeout=HANGS).json()
        assert requests.get(shown["url"], timeout=HANGS).headers["Content-Type"] == "image/png"
        listed: Any = server.kith("emoji", "list")
        assert listed == [added]
        assert "already" in kith(server.environ, "emoji", "add", "leek", str(picture)).stderr
        assert "No such file" in kith(server.environ, "emoji", "add", "x", "nowhere").stderr
        assert server.kith("emoji", "remove", "leek") == {"name": "leek", "removed": True}
        assert not server.kith("emoji", "list")


def test_stewards_help_by_commands(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        server.member("ines")
        assert server.kith("account", "disable", "ines")["state"] == "disabled"
        assert "was not disabled" in kith(server.environ, "account", "enable", "gardener").stderr
        assert server.kith("account", "enable", "ines")["state"] == "active"
        link = server.kith("account", "reset", "ines")["link"]
        assert requests.get(link, timeout=HANGS).status_code == 200
        link = server.kith("invite", "--uses", "3", "--days", "2")["link"]
        assert requests.get(link, timeout=HANGS).status_code == 200
        for wrong in (("--uses", "0"), ("--days", "0"), ("--days", "99999999999")):
            assert "is good for" in kith(server.environ, "invite", *wrong).stderr
        assert server.kith("domain", "block", "Bücher.example")["domain"] == "xn--bcher-kva.example"
        listed: Any = server.kith("domain", "list")
        assert [(one["domain"], one["tier"], one["accounts"]) for one in listed] == [
            ("xn--bcher-kva.example", "blocked", 0)
        ]
        assert server.kith("domain", "unblock", "bücher.example")["tier"] is None
        assert not server.kith("domain", "list")
        for wrong, says in (
            (("block", "https://x.example/"), "more than a name"),
            (("unblock", "x.example"), "no decision about"),
            (("block", f"localhost:{server.port}"), "this server itself"),
            (("block", "localhost"), "this server itself"),
        ):
            assert says in kith(server.environ, "domain", *wrong).stderr
        assert server.kith("queue") == server.kith("queue", "list", "--host", "x.example")
        assert server.kith("queue", "drop", "--host", "x.example") == {"dropped": 0}


def test_long_path_to_the_data_is_no_hindrance(tmp_path: Path) -> None:
    folder = tmp_path / ("a long name of a folder " * 6) / "data"
    with running(folder) as server:
        server.member("ines")
        assert "ines" in json.dumps(server.kith("account", "list"))
    assert (folder / "kith.sqlite3").is_file()


def test_stop_finishes_what_is_under_way(tmp_path: Path) -> None:
    """SIGTERM during requests: each is answered or refused, what was acknowledged is there."""
    with running(tmp_path) as server:
        server.member("ines")
        token = server.token("ines")

        def say(number: int) -> str | None:
            try:
                return post(server, token, f"Number {number}.")
            except requests.RequestException:
                return None

        with ThreadPoolExecutor(8) as pool:
            said = pool.map(say, range(120))
            first = next(said)
            server.process.send_signal(signal.SIGTERM)
            kept = {number for number in (first, *said) if number}
        assert server.process.wait(HANGS) == 0
        with running(tmp_path, server.port) as again:
            assert kept <= set(home(again, token))
        assert kept


@pytest.mark.parametrize("seed", range(3))
def test_killing_the_server_loses_no_post_that_it_acknowledged(tmp_path: Path, seed: int) -> None:
    port = free_port()
    environ = environment(tmp_path, port)
    with subprocess.Popen([*KITH, "serve"], env=environ, stdout=subprocess.DEVNULL) as process:
        base = f"http://localhost:{port}"
        wait_until_healthy(base, process)
        server = Running(base, environ, process, port)
        server.member("ines")
        token = server.token("ines")
        kept = [post(server, token, f"Number {number}.") for number in range(10 + seed * 7)]
        process.kill()
    with running(tmp_path, port) as again:
        assert set(kept) <= set(home(again, token))
        checked = kith(again.environ, "doctor", "--json")
        assert {one["what"]: one["good"] for one in json.loads(checked.stdout)}["database"]


def test_backup_under_load_can_be_restored_and_goes_on(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        server.member("ines")
        token = server.token("ines")
        before = [post(server, token, f"Before {number}.") for number in range(5)]
        with ThreadPoolExecutor(4) as pool:
            writing = [pool.submit(post, server, token, f"During {n}.") for n in range(60)]
            made = server.kith("backup", "--to", str(tmp_path / "backups"))
            for one in writing:
                one.result()
    folder = Path(made["backup"])
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {path.name for path in folder.iterdir()} >= {"kith.sqlite3", "manifest.json", "secret"}
    fresh = {**server.environ, "KITH_DATA_DIR": str(tmp_path / "restored")}
    done = kith(fresh, "restore", str(folder))
    assert done.returncode == 0, done.stderr
    assert "is not empty" in kith(fresh, "restore", str(folder)).stderr
    with running(tmp_path / "restored", server.port) as again:
        assert set(before) <= set(home(again, token))
        post(again, token, "After.")


@pytest.mark.parametrize("harm", ["database", "missing", "manifest", "traversal"])
def test_backup_that_is_not_whole_is_not_restored(tmp_path: Path, harm: str) -> None:
    with running(tmp_path / "data") as server:
        folder = Path(server.kith("backup", "--to", str(tmp_path / "backups"))["backup"])
    database, manifest = folder / "kith.sqlite3", folder / "manifest.json"
    if harm == "database":
        data = bytearray(database.read_bytes())
        data[5000:5100] = b"x" * 100
        database.write_bytes(data)
    elif harm == "missing":
        (folder / "secret").unlink()
    elif harm == "manifest":
        manifest.write_text("{")
    else:
        (tmp_path / "backups" / "outside").write_text("x")
        written = json.loads(manifest.read_text())
        written["files"][0]["name"] = "../outside"
        manifest.write_text(json.dumps(written))
    fresh = {**server.environ, "KITH_DATA_DIR": str(tmp_path / "restored")}
    done = kith(fresh, "restore", str(folder))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "restored" / "kith.sqlite3").exists()


def test_doctor_finds_what_is_wrong(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        assert kith(server.environ, "doctor").returncode == 0
        (tmp_path / "kith.sqlite3").chmod(0o644)
        done = kith(server.environ, "doctor")
        assert done.returncode == 1
        assert "WRONG permissions of kith.sqlite3" in done.stdout


def test_init_asks_checks_and_writes(tmp_path: Path) -> None:
    environ = {"KITH_DATA_DIR": str(tmp_path / "data")}
    file, left = init.prepare(environ, {}, lambda _: "Garden.Example\n", system_clock())
    text = file.read_text()
    assert 'domain = "garden.example"' in text
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert any("reverse proxy" in step for step in left)
    with pytest.raises(CommandFailed, match="is there already"):
        init.prepare(environ, {}, lambda _: "garden.example", system_clock())
    for wrong in ("localhost", "10.0.0.1", "garden.example:8443", "garden"):
        other = {"KITH_DATA_DIR": str(tmp_path / "other")}
        with pytest.raises(CommandFailed):
            init.prepare(other, {"domain": wrong}, input, system_clock())
        assert not (tmp_path / "other" / "kith.toml").exists()
    done = kith({**os.environ, **environ}, "account", "list", "--json")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("variable", "given", "answer", "says"),
    [
        ("", {"domain": "localhost"}, "", "`--domain` in the command says `localhost`, which"),
        ("x.example", {"domain": "a b"}, "", "`--domain` in the command says `a b`, which is no"),
        ("", {"domain": None}, "10.0.0.1", "`domain` in your answer says `10.0.0.1`, which is an"),
        ("garden", {"domain": None}, "", "`KITH_DOMAIN` in the environment says `garden`, which"),
        ("", {"domain": "a.example", "title": "x" * 101}, "", "`--title` in the command says"),
        ("", {"domain": " "}, " ", "A domain is needed"),
    ],
)
def test_init_names_what_was_wrong_by_where_it_was_said(
    tmp_path: Path, variable: str, given: dict[str, str | None], answer: str, says: str
) -> None:
    environ = {"KITH_DATA_DIR": str(tmp_path / "data"), "KITH_DOMAIN": variable}
    with pytest.raises(CommandFailed) as failed:
        init.prepare(environ, given, lambda _: answer, system_clock())
    assert str(failed.value).startswith(says)
    assert not (tmp_path / "data").exists()


def test_init_asks_nobody_who_cannot_answer(tmp_path: Path) -> None:
    environ = {k: v for k, v in os.environ.items() if not k.startswith("KITH_")}
    environ["KITH_DATA_DIR"] = str(tmp_path / "data")
    for more in ((), ("--yes",)):
        done = subprocess.run(
            [*KITH, "init", *more],
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert "kith: A domain is needed" in done.stderr
    done = kith(environ, "init", "--yes", "--domain", "garden.example", "--json")
    assert json.loads(done.stdout)["file"] == str(tmp_path / "data" / "kith.toml")


def test_first_admin_is_told_once(tmp_path: Path) -> None:
    port = free_port()
    environ = environment(tmp_path, port)
    told = []
    for _ in range(2):
        with subprocess.Popen(
            [*KITH, "serve"], env=environ, stdout=subprocess.PIPE, text=True
        ) as process:
            wait_until_healthy(f"http://localhost:{port}", process)
            process.terminate()
            assert process.stdout
            told.append(process.stdout.read())
    assert "Password:" in told[0]
    assert f"http://localhost:{port}" in told[0]
    assert told[1] == ""
    assert PASSWORD not in told[0]
