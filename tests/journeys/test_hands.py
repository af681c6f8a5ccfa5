"""The keyboard's hands reach what can be reached, and fail where a person without a pointer would be lost."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.journeys.hands import Keys

PAGE = """
    <style>:focus-visible {{ outline: 2px solid blue }} {style}</style>
    <a href="#main">Skip to content</a> <button>First</button>
    <main id="main" tabindex="-1">
      <input aria-label="Before">
      <label><input type="radio" name="side"> Mine</label> <label><input type="radio" name="side"> Theirs</label>
      <select aria-label="Role"><option>viewer</option><option>runner</option></select>
      <button onclick="this.textContent = 'Done'">Wanted</button>
    </main>
    {script}
"""
TRAP = """
    <script>
      document.querySelector("[aria-label=Before]").addEventListener("keydown", (event) => {
        if (event.key === "Tab") event.preventDefault();
      });
    </script>
"""


@pytest.mark.parametrize(
    ("style", "script", "fault"),
    [
        ("", "", ""),
        ("", TRAP, "does not lead on from"),
        ("input { outline: 0 !important }", "", "has no frame"),
        ("input { position: absolute; left: -999px }", "", "is out of the screen"),
        ("select { width: 1px; height: 1px; border: 0; padding: 0 }", "", "has no place"),
        ("", "<p style='position: fixed; inset: 0; background: white'>Above all</p>", "is covered"),
    ],
    ids=["well", "trap", "no frame", "outside", "no place", "covered"],
)
def test_by_keyboard_alone(browser: Browser, style: str, script: str, fault: str) -> None:
    page = browser.new_page()
    try:
        page.set_content(PAGE.format(style=style, script=script))
        hands = Keys(page)
        if fault:
            with pytest.raises(AssertionError, match=fault):
                hands.press(page.get_by_role("button", name="Wanted"))
            return
        hands.press(page.get_by_role("button", name="Wanted"))
        expect(page.get_by_role("button", name="Done")).to_be_focused()
        hands.take(page.get_by_label("Theirs"))
        hands.choose(page.get_by_label("Role"), "runner")
        hands.write(page.get_by_label("Before"), "typed")
        expect(page.get_by_label("Before")).to_have_value("typed")
        expect(page.get_by_label("Theirs")).to_be_checked()
    finally:
        page.close()
