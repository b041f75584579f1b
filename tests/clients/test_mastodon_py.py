"""Mastodon.py, as its users use it, through our own pages."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from mastodon import Mastodon, MastodonAPIError, MastodonNotFoundError

from tests.support.browsing import OOB, Visitor
from tests.support.process import PASSWORD, Running, running

SCOPES = ["read", "write", "follow", "push"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder: Path = tmp_path_factory.mktemp("mastodon-py")
    with running(folder) as made:
        for name in ("ines", "bep"):
            made.member(name)
        yield made


def log_in(server: Running, name: str) -> Mastodon:
    """Register, log in on the page, say yes, come back with the code."""
    client_id, secret = Mastodon.create_app(
        "Lantern", api_base_url=server.base, scopes=SCOPES, redirect_uris=OOB
    )
    client = Mastodon(client_id, secret, api_base_url=server.base)
    address = client.auth_request_url(redirect_uris=OOB, scopes=SCOPES, allow_http=True)
    code = Visitor(server.base).let_in(address, name, PASSWORD)
    client.log_in(code=code, redirect_uri=OOB, scopes=SCOPES, allow_http=True)
    return client


def eventually(what: object, seconds: float = 10) -> None:
    """What the server does by itself takes a moment."""
    assert callable(what)
    until = monotonic() + seconds
    while not what():
        assert monotonic() < until, "it did not come"
        sleep(0.05)


def test_day_with_a_client(server: Running) -> None:
    ines, bep = log_in(server, "ines"), log_in(server, "bep")
    me = ines.me()
    assert (me.username, me.acct) == ("ines", "ines")
    assert ines.instance().domain == server.base.removeprefix("http://")

    assert [*ines.trending_tags(), *ines.trending_statuses(), *ines.trending_links()] == []
    assert ines.instance_translation_languages() == {}

    (found,) = ines.account_search("bep", limit=5)
    assert ines.account_follow(found.id).following
    said = bep.status_post("The Bramley gave its last apples. #garden", language="en")
    (seen,) = [one for one in ines.timeline_home() if one.account.acct == "bep"]
    assert seen.id == said.id
    assert [tag.name for tag in seen.tags] == ["garden"]

    answer = ines.status_reply(seen, "It feeds us, so it gets a thank you.")
    assert answer.in_reply_to_id == said.id
    assert ines.status_favourite(seen).favourited
    assert ines.status_reblog(seen).reblog.id == said.id
    assert ines.status_bookmark(seen).bookmarked
    assert [one.id for one in ines.bookmarks()] == [said.id]

    told = {(one.type, one.account.acct) for one in bep.notifications()}
    assert {
        ("follow", "ines"),
        ("mention", "ines"),
        ("favourite", "ines"),
        ("reblog", "ines"),
    } <= told
    context = bep.status_context(said.id)
    assert [one.id for one in context.descendants] == [answer.id]
    assert [one.id for one in bep.timeline_hashtag("garden")] == [said.id]

    ines.status_unfavourite(seen)
    ines.status_unreblog(seen)
    assert ines.status(said.id).favourites_count == 0
    gone = bep.status_delete(said.id)
    assert gone.text == "The Bramley gave its last apples. #garden"
    assert ines.account_unfollow(found.id).following is False


def test_boost_is_deleted_by_its_own_number(server: Running) -> None:
    ines, bep = log_in(server, "ines"), log_in(server, "bep")
    said = bep.status_post("The kettle is on.")
    boost = ines.status_reblog(said.id, visibility="unlisted")
    assert (boost.visibility, boost.reblog.visibility) == ("unlisted", "public")
    with pytest.raises(MastodonNotFoundError):
        bep.status_delete(boost.id)
    assert bep.status(said.id).reblogs_count == 1
    assert ines.status_delete(boost.id).reblog.id == said.id
    assert ines.status(said.id).reblogged is False
    assert bep.status(said.id).reblogs_count == 0
    with pytest.raises(MastodonNotFoundError):
        ines.status(boost.id)


def test_missing_feature_is_said_and_nothing_is_posted(server: Running) -> None:
    ines = log_in(server, "ines")
    said = ines.status_post("The first of the leeks.")
    with pytest.raises(MastodonAPIError, match="Quoting is not possible on this server yet"):
        ines.status_post("Look at these.", quoted_status_id=said.id)
    assert ines.timeline_home(limit=1)[0].id == said.id


def test_time_on_the_server(server: Running) -> None:
    """Mastodon.py reads it from the head of the first page."""
    told: Any = log_in(server, "ines").get_approx_server_time()
    assert abs((datetime.now(UTC) - told.astimezone(UTC)).total_seconds()) < 60


def test_searching(server: Running) -> None:
    ines, bep = log_in(server, "ines"), log_in(server, "bep")
    said = bep.status_post("Beans on the sill. #greenhouse")
    results = ines.search_v2("#green")
    assert [tag.name for tag in results.hashtags] == ["greenhouse"]
    (found,) = ines.search_v2("@bep").accounts
    assert ines.account_statuses(found.id)[0].id == said.id
    assert ines.search_v2(said.url).statuses[0].id == said.id


def test_paging_goes_to_the_end_and_back(server: Running) -> None:
    ines = log_in(server, "ines")
    made = [ines.status_post(f"Row {number}.").id for number in range(7)]
    first = ines.timeline_home(limit=3)
    assert [one.id for one in first] == made[:3:-1]
    second = ines.fetch_next(first) or []
    assert [one.id for one in second] == made[3:0:-1]
    back = ines.fetch_previous(second) or []
    assert [one.id for one in back] == [one.id for one in first]
