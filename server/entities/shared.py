"""Common ground of all entities: numbers as text, moments to the millisecond."""

from datetime import datetime


def when(moment: datetime) -> str:
    """Moment as RFC 3339 in UTC with exactly three decimals (conventions.md, Dates)."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def optional_when(moment: datetime | None) -> str | None:
    return None if moment is None else when(moment)


def number(id_: int | None) -> str | None:
    return None if id_ is None else str(id_)
