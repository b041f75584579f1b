"""Purposes of outgoing requests, each with connections and places of its own (docs/budgets.md)."""

from collections.abc import Mapping
from enum import StrEnum


class Pool(StrEnum):
    """Purpose of a request. Each has connections of its own: none waits for another's."""

    DELIVERIES = "deliveries"
    KEYS = "keys"
    ACTIVITIES = "activities"
    MEMBERS = "members"
    PICTURES = "pictures"
    BACKGROUND = "background"


# (requests at once, of them to one registrable domain): docs/budgets.md. Of deliveries the courier
# decides how many go where.
POOLS: Mapping[Pool, tuple[int, int]] = {
    Pool.DELIVERIES: (64, 64),
    Pool.KEYS: (32, 4),
    Pool.ACTIVITIES: (32, 4),
    Pool.MEMBERS: (32, 4),
    Pool.PICTURES: (32, 4),
    Pool.BACKGROUND: (16, 4),
}
