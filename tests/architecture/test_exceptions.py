"""Exceptions can be raised through anything: a context manager writes into them on their way."""

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import fields

import federation
import server
import storage


def ours() -> Iterator[type[BaseException]]:
    for package in (server, federation, storage):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith(("__main__", "worker")):
                module = importlib.import_module(found.name)
                for value in vars(module).values():
                    if isinstance(value, type) and issubclass(value, BaseException):
                        yield value


def test_exceptions_are_not_frozen() -> None:
    """A frozen dataclass refuses its traceback: what was a clear answer becomes a 500."""
    found = {one for one in ours() if one.__module__.split(".")[0] in ("server", "federation")}
    found |= {one for one in ours() if one.__module__.startswith("storage")}
    print(f"{len(found)} exceptions")
    assert len(found) > 20
    frozen = [one for one in found if getattr(one, "__dataclass_params__", None)]
    assert frozen == [], [fields(one) for one in frozen]  # type: ignore[arg-type]
