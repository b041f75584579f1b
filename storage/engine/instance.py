"""Identity of this instance, kept in the database because it may never change."""

from storage.engine.errors import OtherInstance
from storage.engine.site import Site
from storage.engine.transaction import Reader, Writer


def get(reader: Reader, key: str) -> str | None:
    value: str | None = reader.value("SELECT value FROM instance WHERE key = ?", key)
    return value


def put(writer: Writer, key: str, value: str) -> None:
    writer.execute(
        "INSERT INTO instance (key, value) VALUES (?, ?) "
        "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        key,
        value,
    )


def settle(writer: Writer, site: Site) -> None:
    """Write the domains down at the first start; refuse other ones afterwards."""
    for key, value in (
        ("domain", site.domain),
        ("web_domain", site.web_domain),
        ("scheme", site.scheme),
    ):
        known = get(writer, key)
        if known is None:
            put(writer, key, value)
        elif known != value:
            raise OtherInstance(
                f"This database belongs to {key} {known}, and the settings say {value}. "
                "Handles and addresses of people would break. Set it back, "
                "or start with an empty data folder."
            )


# Every table whose number comes from Writer.new_id, and those whose number stays below 2^53.
SORTABLE = (
    "activities actors approvals apps audiences audit_log blocks bookmarks boosts charters"
    " collections deliveries email_blocks emojis endorsements exports favourites featured_tags"
    " filter_keywords filter_posts filters followed_tags follows imports ip_blocks jobs keys"
    " lists media mutes name_blocks passkeys pins poll_votes post_edits posts scheduled_posts"
    " sessions tags tokens user_domain_blocks"
).split()
SMALL = "conversations decisions notifications received reports".split()
_HIGHEST_SORTABLE = " UNION ALL ".join(f"SELECT max(id) AS id FROM {table}" for table in SORTABLE)
_HIGHEST_SMALL = " UNION ALL ".join(f"SELECT max(id) AS id FROM {table}" for table in SMALL)


def highest(reader: Reader) -> tuple[int, int]:
    """The highest numbers of both kinds: one step in the key of each table."""
    long = reader.value(f"SELECT max(id) FROM ({_HIGHEST_SORTABLE})")
    small = reader.value(f"SELECT max(id) FROM ({_HIGHEST_SMALL})")
    return long or 0, small or 0
