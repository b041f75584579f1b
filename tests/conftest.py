import pytest

from tests.support.clock import Watch


@pytest.fixture
def watch() -> Watch:
    return Watch()
