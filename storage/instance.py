"""What this instance is, kept in the database because it may never change."""

from storage.errors import OtherInstance
from storage.here import Here
from storage.units import Reader, Writer


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


def settle(writer: Writer, here: Here) -> None:
    """Write the domains down at the first start; refuse other ones afterwards."""
    for key, value in (
        ("domain", here.domain),
        ("web_domain", here.web_domain),
        ("scheme", here.scheme),
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
