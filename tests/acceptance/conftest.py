import tempfile
from pathlib import Path

import pytest

from tests.acceptance.running import Demo


@pytest.fixture
def state():
    with tempfile.TemporaryDirectory(prefix="nd-") as folder:
        yield Path(folder)


@pytest.fixture
def start(state):
    """Starts demos in one state directory; all are ended afterwards."""
    demos = []

    def starter(*arguments):
        demos.append(Demo(state, *arguments))
        return demos[-1]

    yield starter
    for demo in demos:
        demo.end()
