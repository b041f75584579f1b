"""Modules for the verbs, one each; importing a verb here is what makes us understand it."""

from federation.activities.accept import Accept
from federation.activities.add import Add
from federation.activities.announce import Announce
from federation.activities.block import Block
from federation.activities.create import Create
from federation.activities.delete import Delete
from federation.activities.flag import Flag
from federation.activities.follow import Follow
from federation.activities.like import Like
from federation.activities.move import Move
from federation.activities.quote_request import QuoteRequest
from federation.activities.reject import Reject
from federation.activities.remove import Remove
from federation.activities.undo import Undo
from federation.activities.update import Update

__all__ = [
    "Accept",
    "Add",
    "Announce",
    "Block",
    "Create",
    "Delete",
    "Flag",
    "Follow",
    "Like",
    "Move",
    "QuoteRequest",
    "Reject",
    "Remove",
    "Undo",
    "Update",
]
