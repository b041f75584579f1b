"""Shapes of the entities that the API answers with, called as Mastodon calls them.

`Rendered` stands where an entity goes in as finished JSON (json_parts). Members that are there only
sometimes are NotRequired. tests/architecture/test_entities.py holds these against the API's schema.
"""

# ruff: noqa: F403
from server.entities.shapes.instance import *
from server.entities.shapes.moderation import *
from server.entities.shapes.people import *
from server.entities.shapes.posts import *
from server.entities.shapes.reading import *
