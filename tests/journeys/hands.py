"""Two ways to use a page: by pointer, and by keyboard alone. A journey that takes its hands from here is walked twice.

By keyboard everything is reached by Tab, as somebody without a pointer reaches it, from where the page left them: so a
journey finds what cannot be reached, what does not let go of the focus, and a focus that nobody sees.
"""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

MOST_TABS = 250
FOCUS = """
    (wanted) => {
        const at = document.activeElement, place = at.getBoundingClientRect();
        const nowhere = at === document.body || at === document.documentElement;
        const drawn = getComputedStyle(at).opacity === "0" ? at.nextElementSibling : at;
        const middle = (from, to, most) => (Math.max(from, 0) + Math.min(to, most)) / 2;
        function fault() {
            if (nowhere || at.id === "main") return "";
            if (place.width < 2 || place.height < 2) return "has no place";
            const out = place.bottom <= 0 || place.top >= innerHeight || place.right <= 0 || place.left >= innerWidth;
            if (out) return "is out of the screen";
            if (getComputedStyle(drawn).outlineStyle === "none") return "has no frame";
            const x = middle(place.left, place.right, innerWidth), y = middle(place.top, place.bottom, innerHeight);
            const above = document.elementFromPoint(x, y);
            return !above || at.contains(above) || above.contains(at) || drawn.contains(above) ? "" : "is covered";
        }
        const stays = at === window.focusedBefore;
        window.focusedBefore = at;
        return {
            found: at === wanted,
            nowhere,
            stays,
            passed: !nowhere && Boolean(wanted.compareDocumentPosition(at) & Node.DOCUMENT_POSITION_FOLLOWING),
            fault: fault(),
            what: at.outerHTML.slice(0, 150),
        };
    }
"""
"""Where the focus is, and what is wrong with it; ``passed``: what is wanted lies before it."""


class Pointer:
    """Clicks."""

    name = "pointer"

    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, target: Locator) -> None:
        target.click()

    def write(self, target: Locator, text: str) -> None:
        target.fill(text)

    def choose(self, target: Locator, label: str) -> None:
        target.select_option(label=label)

    def take(self, target: Locator) -> None:
        """A radio button or a box."""
        target.check()


class Keys:
    """Tab, Enter, the space bar, arrows and letters; no pointer at all."""

    name = "keys"

    def __init__(self, page: Page) -> None:
        self.page = page
        page.emulate_media(reduced_motion="reduce")  # where the focus goes is on the screen at once

    def press(self, target: Locator) -> None:
        self.go_to(target)
        self.page.keyboard.press("Enter")

    def write(self, target: Locator, text: str) -> None:
        self.go_to(target)
        self.page.keyboard.press("ControlOrMeta+A")
        self.page.keyboard.press("Delete")
        self.page.keyboard.type(text)

    def choose(self, target: Locator, label: str) -> None:
        """By the first letters, as a closed list takes them."""
        self.go_to(target)
        self.page.keyboard.type(label)
        expect(target.locator("option:checked")).to_have_text(label)

    def take(self, target: Locator) -> None:
        """Tab leads to a group of radio buttons, and arrows from one to the next, which takes it."""
        group = f'input[type="radio"][name="{target.get_attribute("name")}"]'
        if target.get_attribute("type") == "radio":
            taken = self.page.locator(f"{group}:checked")
            self.go_to(taken if taken.count() else self.page.locator(group).first)
            for _ in range(self.page.locator(group).count()):
                if target.evaluate("(one) => one === document.activeElement"):
                    break
                self.page.keyboard.press("ArrowDown")
        else:
            self.go_to(target)
        if not target.is_checked():
            self.page.keyboard.press("Space")
        expect(target).to_be_checked()

    def go_to(self, target: Locator) -> None:
        """Forwards or backwards from where the focus is, and past the head by its link if it is nowhere yet."""
        expect(target).to_be_visible()
        wanted = target.element_handle()
        at = self.page.evaluate(FOCUS, wanted)
        if at["nowhere"] and target.evaluate("(part) => Boolean(part.closest('main'))"):
            self.page.keyboard.press("Tab")
            self.page.keyboard.press("Enter")
            at = self.page.evaluate(FOCUS, wanted)
        way = "Shift+Tab" if at["passed"] else "Tab"
        passed: list[str] = []
        faults: list[str] = []
        while not at["found"]:
            self.page.keyboard.press(way)
            at = self.page.evaluate(FOCUS, wanted)
            passed.append(at["what"])
            assert not at["stays"], f"{way} does not lead on from {at['what']}"
            assert len(passed) < MOST_TABS, f"{way} does not lead to {target}, but to\n" + "\n".join(passed)
            if at["fault"]:
                faults.append(f"{at['what']} {at['fault']}")
        assert not faults, f"{self.page.url}:\n" + "\n".join(faults)


HANDS = (Pointer, Keys)
