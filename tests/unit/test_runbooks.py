"""Each alarm has its page."""

from pathlib import Path

import pytest

import ops
from notifier.events import KINDS

PAGES = Path(ops.__file__).parent / "runbooks"


@pytest.mark.parametrize("kind", [kind for kind in KINDS.values() if kind.runbook], ids=lambda kind: kind.name)
def test_an_event_that_needs_a_person_has_a_page_that_names_it(kind):
    page = (PAGES / f"{kind.runbook}.md").read_text("utf-8")
    assert kind.name in page
    for part in ("What it means", "Look", "Do", "**Over"):
        assert part in page, f"{kind.runbook}.md says nothing of: {part}"


def test_there_is_no_page_for_nothing():
    used = {kind.runbook for kind in KINDS.values()}
    assert {page.stem for page in PAGES.glob("*.md")} <= used
