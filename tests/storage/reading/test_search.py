"""What is found and listed is decided where it is asked, not where it is shown."""

from time import process_time

from storage.engine.pagination import Page
from storage.engine.transaction import Writer
from storage.people import blocks
from storage.posts import search_index
from storage.posts.audiences import NAMED, PUBLIC, Audience
from storage.reading import bookmarks, lists, search, timelines
from storage.reading.lists import Brought
from storage.reading.search import SearchFilter
from tests.storage import cast
from tests.storage.raw import memory, writer_on
from tests.support.clock import Watch

LANTERN = SearchFilter(words=("lantern",))
ALL = Page(40)


def fresh() -> Writer:
    return writer_on(memory(), Watch())


def test_hidden_post_is_not_found_though_it_is_kept() -> None:
    writer = fresh()
    alice, bob = cast.account(writer, "alice"), cast.actor(writer, "bob", indexable=True)
    cast.follow(writer, alice, bob)
    audience = Audience("followers", owner=bob)
    few = cast.post(writer, bob, audience, spoiler="lantern")
    open_ = cast.post(writer, bob, PUBLIC, spoiler="lantern")
    cast.post(writer, bob, NAMED, spoiler="lantern")
    for said in (few, open_):
        bookmarks.add(writer, alice, said.id)
    assert search.posts(writer, alice, LANTERN, ALL) == [open_.id, few.id]
    writer.execute("DELETE FROM follows")
    assert search.posts(writer, alice, LANTERN, ALL) == [open_.id]
    cast.block(writer, bob, alice)
    assert search.posts(writer, alice, LANTERN, ALL) == []


def test_hidden_lines_of_a_list_take_no_room_on_its_page() -> None:
    writer = fresh()
    alice, bob, carol = (cast.account(writer, name) for name in ("alice", "bob", "carol"))
    made = lists.add(writer, alice, "Near", "list", exclusive=False)
    for person in (bob, carol):
        lists.put(writer, made.id, person)
    shown = cast.post(writer, bob)
    hidden = [cast.post(writer, carol) for _ in range(3)]
    for said in (shown, *hidden):
        lists.fan_out(writer, Brought(said.author, said.id, said.id), [alice])
    cast.block(writer, carol, alice)
    found = timelines.of_list(writer, alice, made.id, Page(1))
    assert [line.post for line in found] == [shown.id]
    blocks.remove(writer, carol, alice)
    found = timelines.of_list(writer, alice, made.id, Page(1))
    assert [line.post for line in found] == [hidden[-1].id]


def test_walk_through_everything_is_no_search() -> None:
    writer = fresh()
    alice = cast.account(writer, "alice")
    cast.post(writer, alice)
    for wanted in (
        SearchFilter(),
        SearchFilter(media=False),
        SearchFilter(not_words=("x",)),
        SearchFilter(where="public"),
    ):
        assert search.posts(writer, alice, wanted, ALL) == []
    assert len(search.posts(writer, alice, SearchFilter(where="library"), ALL)) == 1
    assert search.posts(writer, alice, SearchFilter(where="library"), ALL, offset=1001) == []


def test_text_of_a_post_is_read_out_of_its_markup() -> None:
    html = (
        '<p>One&amp;two<br />three</p><p><a href="https://x.example/" rel="nofollow">'
        '<span class="invisible">https://</span>x.example</a></p>'
    )
    assert search_index.plain(html).split() == ["One&two", "three", "https://x.example"]
    assert search_index.marks(html) == "link"
    for plain in (
        "<p>No link &lt;a href=here&gt;</p>",
        '<a href="https://x.example/@bob" class="u-url mention">@<span>bob</span></a>',
        '<a href="https://x.example/tags/moth" class="mention hashtag" rel="tag">#moth</a>',
    ):
        assert search_index.marks(plain) == ""


def test_markup_without_end_is_read_in_linear_time() -> None:
    for hostile in ("<" * 100_000, "<a " * 50_000, "<a class='" * 20_000, "&" * 100_000):
        started = process_time()
        search_index.plain(hostile)
        search_index.marks(hostile)
        assert process_time() - started < 2
