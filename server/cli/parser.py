"""The words of the command `kith`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from server import VERSION

# What a group of commands was called before: it works on for one minor version, and says so.
FORMER = {"domain": "server"}


def parse(arguments: Sequence[str]) -> tuple[argparse.Namespace, str | None]:
    """Parse a command; return it, and a sentence where it was asked for by a former name."""
    given, said = list(arguments), None
    if given and given[0] in FORMER:
        said = (
            f"`kith {given[0]}` is called `kith {FORMER[given[0]]}` now; the old name goes in 0.2."
        )
        given[0] = FORMER[given[0]]
    return parser().parse_args(given), said


def parser() -> argparse.ArgumentParser:
    """Every command with what it takes; `command` names it as server/commands does."""
    top = argparse.ArgumentParser(
        prog="kith", description="A server for communities that share values."
    )
    top.add_argument("--version", action="version", version=f"kith {VERSION}")
    top.set_defaults(json=False)
    verbs = top.add_subparsers(dest="verb", required=True, metavar="COMMAND")
    _own(verbs)
    _accounts(verbs)
    _communities(verbs)
    _upkeep(verbs)
    return top


def _add(
    verbs: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    says: str,
    command: str | None = None,
    names: Sequence[str] = (),
) -> argparse.ArgumentParser:
    made = verbs.add_parser(name, help=says, description=says)
    _answers(made)
    made.set_defaults(command=command)
    for positional in names:
        made.add_argument(positional, metavar=positional.upper())
    return made


def _answers(made: argparse.ArgumentParser) -> None:
    # Suppressed, so that a parser within does not take back what one around it was told.
    made.add_argument(
        "--json",
        action="store_true",
        default=argparse.SUPPRESS,
        help="print the answer as JSON",
    )


def _group(
    verbs: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, says: str
) -> "argparse._SubParsersAction[argparse.ArgumentParser]":
    made = verbs.add_parser(name, help=says, description=says)
    return made.add_subparsers(dest="what", required=True, metavar="WHAT")


def _own(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands that need no running server."""
    _add(verbs, "serve", "Run the instance.")
    begin = _add(verbs, "init", "Prepare a new instance: ask for the domain, write kith.toml.")
    begin.add_argument("--domain", help="the name in handles; asked for when not given")
    begin.add_argument("--title", help="the name of the server as people read it")
    begin.add_argument("--yes", action="store_true", help="ask nothing")
    _add(verbs, "version", "Print the version.")
    _add(verbs, "settings", "Print every setting, what it means and what it is by default.")
    _add(verbs, "restore", "Put a backup into an empty data folder.", names=("backup",))


def _accounts(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    group = _group(verbs, "account", "Members: make, list, approve, help.")
    create = _add(group, "create", "Make a member.", "account create", ("name",))
    create.add_argument("--email", required=True)
    create.add_argument("--password", help="made and shown once when not given")
    create.add_argument(
        "--admin", dest="role", action="store_const", const="admin", default="member"
    )
    listed = _add(group, "list", "List members.", "account list")
    listed.add_argument("--state", choices=("pending", "active", "disabled"))
    password = _add(group, "password", "Set a new password.", "account password", ("name",))
    password.add_argument("--password", help="made and shown once when not given")
    _add(
        group,
        "reset",
        "A link to set a new password, good for an hour.",
        "account reset",
        ("name",),
    )
    _add(group, "approve", "Welcome somebody who asked to join.", "account approve", ("name",))
    _add(group, "disable", "Log a member out and keep them out.", "account disable", ("name",))
    _add(group, "enable", "Let a member in again.", "account enable", ("name",))
    _second_step(group)
    _decisions(group)
    role = _add(group, "role", "Say what a member may do.", "account role", ("name",))
    role.add_argument("role", choices=("member", "steward", "admin"))
    tokens = _group(verbs, "token", "Tokens for scripts.")
    token = _add(tokens, "create", "Make a token; it is shown once.", "token create", ("name",))
    token.add_argument("--scopes", default="read")
    invite = _add(verbs, "invite", "Make an invitation.", "invite")
    invite.add_argument("--uses", type=int, default=1)
    invite.add_argument("--days", type=int, default=7)


def _decisions(group: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    for verb, says in (
        ("warn", "Tell somebody something, and keep it."),
        ("freeze", "Somebody may read, and not act."),
        ("sensitive", "What somebody posts is shown behind a warning."),
        ("silence", "Somebody is heard only by those who follow them."),
        ("suspend", "Turn somebody out; for 30 days it can be taken back."),
    ):
        made = _add(group, verb, says, f"account {verb}", ("name",))
        made.add_argument("--text", help="what they are told, in the words of the house")
    for verb in ("unfreeze", "unsensitive", "unsilence", "unsuspend"):
        _add(group, verb, "Take it back.", f"account {verb}", ("name",))
    _add(group, "reject", "Turn away somebody who asked to join.", "account reject", ("name",))
    _add(group, "delete", "Delete somebody suspended, for good.", "account delete", ("name",))
    _add(group, "show", "What was decided about somebody.", "account show", ("name",))


def _second_step(group: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    says = "Turn the second step off for a member who lost it."
    lost = _add(group, "second-step-off", says, "account second-step-off", ("name",))
    lost.add_argument("--passkeys", action="store_true", help="take their passkeys away too")


def _communities(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    charter = _group(verbs, "charter", "What was agreed on.")
    _add(charter, "show", "Print the charter in force.", "charter show")
    new = _add(charter, "set", "A new version, from a TOML file.", "charter set")
    new.add_argument("file", type=Path)
    servers = _group(verbs, "server", "Other servers.")
    for verb, says in (
        ("block", "Have nothing to do with a server."),
        ("silence", "Its people are heard only by those who follow them."),
        ("limit", "Take no media, or no reports, from a server."),
    ):
        made = _add(servers, verb, says, f"server {verb}", ("domain",))
        made.add_argument("--reject-media", action=argparse.BooleanOptionalAction)
        made.add_argument("--reject-reports", action=argparse.BooleanOptionalAction)
        made.add_argument("--comment", help="for those who look after this place")
        made.add_argument("--public-comment", help="for everybody")
    says = "Listen to a server again as to others."
    _add(servers, "unblock", says, "server unblock", ("domain",))
    _add(servers, "list", "Print which servers are blocked or silenced.", "server list")
    _add(servers, "show", "What was decided about a server.", "server show", ("domain",))
    _emojis(verbs)
    names = _group(verbs, "name", "Names that nobody can have.")
    kept = _add(names, "block", "Nobody can have a name, or one that holds it.", "name block")
    kept.add_argument("name")
    kept.add_argument("--exact", action="store_true", help="the very name only")
    _add(names, "unblock", "A name can be had again.", "name unblock", ("name",))
    _add(names, "list", "Print them.", "name list")
    log = _add(verbs, "audit", "What was done by office, newest first.", "audit")
    log.add_argument("--last", type=int, default=40, help="how many lines")


def _emojis(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    emoji = _group(verbs, "emoji", "Pictures that members put into what they write.")
    new = _add(emoji, "add", "From a picture of at most 256 kB.", "emoji add", ("name",))
    new.add_argument("file", type=Path)
    new.add_argument("--category", help="under which clients offer it")
    _add(emoji, "remove", "Take one away.", "emoji remove", ("name",))
    _add(emoji, "list", "Print them.", "emoji list")


def _upkeep(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    says = "Deliveries that wait, what was given up, and servers that do not answer."
    queue = verbs.add_parser("queue", help=says, description=says)
    queue.set_defaults(command="queue list", host=None)
    _answers(queue)
    whats = queue.add_subparsers(dest="what", metavar="WHAT")
    for name, says in (
        ("list", "List them, as without a word."),
        ("retry", "Try again what was given up."),
        ("drop", "Forget deliveries that were given up."),
    ):
        _add(whats, name, says, f"queue {name}").add_argument("--host", help="of one server only")
    backup = _add(verbs, "backup", "Copy everything, while the server runs.", "backup")
    backup.add_argument(
        "--to", type=_absolute, help="the folder; by default the setting backup_dir"
    )
    _add(verbs, "doctor", "Look everything over, and say what is wrong.", "doctor")


def _absolute(path: str) -> str:
    """The server that is asked may run in another folder."""
    return str(Path(path).absolute())
