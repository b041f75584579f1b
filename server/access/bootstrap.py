"""Contents of an instance from its first start: the server's actor, its community, a charter."""

from dataclasses import dataclass, replace

from federation.vocabulary import uris
from server.access import account_creation
from server.access.account_creation import Keys
from storage.communities import charters, memberships
from storage.communities.charters import Charter, Commitment
from storage.engine import instance
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Writer
from storage.people import actors

COMMUNITY = "community"

PURPOSE = (
    "A place for people who share values, to say how it really is and to be heard.\n\n"
    "We write to one another because someone will answer. Nobody is ranked here."
)
COMMITMENTS = (
    Commitment("We say how it is.", "Good weeks and bad ones. Nobody has to shine here."),
    Commitment("We answer.", "If you read something hard and have a minute, answer."),
    Commitment(
        "We ask before we advise.", "“Do you want ideas, or an ear?” is a good first reply."
    ),
    Commitment(
        "What is said here stays here.", "No quoting elsewhere, unless the person says yes."
    ),
    Commitment("We speak to people before we speak about them.", "A steward helps, if you ask."),
)
QUESTION = "What do you hope to find here?"


@dataclass(frozen=True, slots=True)
class BootstrapKeys:
    """Keys for the two actors that exist before anybody signs up."""

    application: Keys
    community: Keys


def is_done(reader: Reader) -> bool:
    return instance.get(reader, "founded") is not None


def bootstrap(writer: Writer, made: BootstrapKeys, title: str) -> None:
    """Make the Application actor, the community and the first version of its charter."""
    if is_done(writer):
        return
    _application(writer, made.application, title)
    _community(writer, made.community, title)
    instance.put(writer, "founded", str(writer.now_ms))


def _application(writer: Writer, made: Keys, title: str) -> None:
    uri = uris.application(writer.site)
    actor = replace(
        account_creation.person(
            writer, ActorId(writer.new_id()), writer.site.domain, "Application"
        ),
        uri=uri,
        inbox=f"{uri}/inbox",
        outbox=f"{uri}/outbox",
        followers=None,
        following=None,
        featured=None,
        url=f"{writer.site.origin}/about",
        display_name=title,
        locked=True,
        discoverable=False,
    )
    actors.add(writer, actor)
    account_creation.add_keys(writer, actor, made)


def _community(writer: Writer, made: Keys, title: str) -> None:
    group = replace(
        account_creation.person(writer, ActorId(writer.new_id()), COMMUNITY, "Group"),
        display_name=title,
    )
    actors.add(writer, group)
    account_creation.add_keys(writer, group, made)
    memberships.make(writer, group.id, "members", f"{group.uri}/members")
    memberships.make(writer, group.id, "stewards", f"{group.uri}/stewards")
    id_ = writer.new_id()
    charters.add(
        writer,
        Charter(
            id=id_,
            uri=uris.charter(writer.site, id_),
            owner=group.id,
            version=1,
            name=title,
            purpose=PURPOSE,
            commitments=COMMITMENTS,
            question=QUESTION,
            published_at=writer.now,
            in_force_at=writer.now,
        ),
    )
