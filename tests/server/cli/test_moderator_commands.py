"""What is decided from a shell: the same as elsewhere, and written down (SECURITY 85)."""

from typing import Any

import pytest

from server.cli import commands, parser
from server.cli.control_socket import CommandFailed
from tests.support.servers import Place


async def kith(place: Place, command: str, **given: Any) -> Any:
    return await commands.run(place.app, command, given)


async def test_decisions_are_made_and_taken_back(place: Place) -> None:
    mallory = await place.person("mallory")
    for action, back in (
        ("freeze", "unfreeze"),
        ("sensitive", "unsensitive"),
        ("silence", "unsilence"),
        ("suspend", "unsuspend"),
    ):
        made = await kith(place, f"account {action}", name="mallory", text="Rest.")
        assert made == {"name": "mallory", "decided": action}
        with pytest.raises(CommandFailed, match="holds already"):
            await kith(place, f"account {action}", name="@mallory")
        await kith(place, f"account {back}", name="mallory")
        with pytest.raises(CommandFailed, match="not in force"):
            await kith(place, f"account {back}", name="mallory")
    shown = await kith(place, "account show", name="mallory")
    assert [one["action"] for one in shown["decisions"]] == [
        "suspend",
        "silence",
        "sensitive",
        "freeze",
    ]
    assert all(one["undone"] for one in shown["decisions"])
    assert shown["state"] == "active"
    status, _ = await mallory.ask("GET", "/api/v1/timelines/home")
    assert status == 200  # the token rested while they were suspended


async def test_moderation_by_command_is_in_the_log(place: Place) -> None:
    await kith(place, "account create", name="bep", email="bep@post.example", password="x" * 12)
    await kith(place, "account role", name="bep", role="steward")
    await kith(place, "account warn", name="bep", text="Hello.")
    await kith(place, "server silence", domain="evil.example", comment="Loud.")
    await kith(place, "server limit", domain="evil.example", reject_media=True)
    await kith(place, "server unblock", domain="evil.example")
    await kith(place, "name block", name="spam", exact=False)
    log = await kith(place, "audit", last=100)
    assert [one["action"] for one in reversed(log)] == [
        "account.create",
        "account.role",
        "account.warn",
        "domain.silence",
        "domain.silence",
        "domain.lift",
        "name.block",
    ]
    assert {one["by"] for one in log} == {"command line"}
    assert "xxxx" not in str(log)


async def test_questions_are_not_written_down(place: Place) -> None:
    for command in ("account list", "server list", "name list", "queue list", "audit"):
        await kith(place, command)
    assert await kith(place, "audit") == []


async def test_server_is_shown_with_what_holds_from_above(place: Place) -> None:
    await kith(place, "server block", domain="evil.example", public_comment="Spam.")
    shown = await kith(place, "server show", domain="sub.evil.example")
    assert (shown["blocked"], shown["comments"]) == (True, {})
    with pytest.raises(CommandFailed, match="no decision"):
        await kith(place, "server unblock", domain="sub.evil.example")


async def test_unknown_names_are_named_to_nobody(place: Place) -> None:
    for command in ("account warn", "account show", "account delete", "account reject"):
        with pytest.raises(CommandFailed, match="known here"):
            await kith(place, command, name="nobody", text="")


def test_former_name_works_and_says_what_it_is_called_now() -> None:
    given, said = parser.parse(["domain", "block", "evil.example"])
    assert (given.command, given.domain) == ("server block", "evil.example")
    assert said == "`kith domain` is called `kith server` now; the old name goes in 0.2."
    given, said = parser.parse(["server", "list"])
    assert (given.command, said) == ("server list", None)
