"""Each fence taken away in a story that needs it: the promise is broken every time, and kept where the fence is there.

The random machine looks for what nobody thought of; whether it would notice is shown here, without luck.
"""

from __future__ import annotations

import pytest

from tests.runs.protocol.facts import Violated
from tests.runs.protocol.fences import FENCES, take_away
from tests.runs.protocol.machine import told_machine
from tests.runs.protocol.stories import STORIES
from tests.runs.protocol.world import World

pytestmark = pytest.mark.django_db(transaction=True)


def test_each_promise_is_broken_without_its_fence_and_kept_with_it(world: World, subtests: pytest.Subtests) -> None:
    assert set(STORIES) == set(FENCES)
    told = told_machine(world)
    for fence, (story, promise) in STORIES.items():
        with subtests.test(f"with {fence}"):
            machine = told()
            story(machine)
            machine.teardown()
        with subtests.test(f"without {fence}"), pytest.MonkeyPatch.context() as patch:
            take_away(fence, patch)
            with pytest.raises(Violated) as broken:
                story(told())
            assert broken.value.promise == promise
