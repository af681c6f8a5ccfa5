"""A page as axe sees it, wide, narrow and dark."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.application import ROOT

AXE = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text()
OPTIONS = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
    "rules": {
        rule: {"enabled": True}
        for rule in ("landmark-one-main", "region", "page-has-heading-one", "label-content-name-mismatch")
    },
    "resultTypes": ["violations"],
}
COLOURS = OPTIONS | {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}, "rules": {}}
"""What a page in other colours can be wrong in: its parts and their places are the same."""
LOOKS = {"wide": (1400, "light", OPTIONS), "narrow": (390, "light", OPTIONS), "dark": (1400, "dark", COLOURS)}
"""The width, the colours and what axe is asked; a style sheet takes care of them, and no page is loaded anew."""
OPEN = "for (const folded of document.querySelectorAll('details:not(.menu)')) folded.open = true"
LOADING = ".placeholder-line, .htmx-request, details [hx-get]:has(> a:only-child)"
STILL = """
    for (const swap of ["htmx:beforeSwap", "htmx:sseBeforeMessage"]) {
        document.addEventListener(swap, (event) => event.preventDefault());
    }
"""
SETTLED = """
    () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {
        for (const moving of document.getAnimations()) if (moving instanceof CSSTransition) moving.finish();
        done(document.documentElement.dataset.bsTheme ?? null);
    })))
"""


def faults(page: Page) -> list[str]:
    """What is wrong with the page as it stands. It is of no use afterwards: nothing on it is swapped any more."""
    page.evaluate(OPEN)
    expect(page.locator(LOADING)).to_have_count(0, timeout=30_000)
    page.evaluate(STILL)
    page.evaluate(AXE)
    return [f"{page.url}, {look}: {fault}" for look in LOOKS for fault in _faults_of(page, look)]


def _faults_of(page: Page, look: str) -> list[str]:
    width, scheme, options = LOOKS[look]
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    assert page.evaluate(SETTLED) in (scheme, None), "only the API's document has no theme of ours"
    violations = page.evaluate("(options) => axe.run(document, options).then((found) => found.violations)", options)
    found = [
        f"{rule['id']} ({rule['impact']}): {node['target']} {node['html'][:150]}"
        for rule in violations
        for node in rule["nodes"][:3]
    ]
    over = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return [*found, *([f"{over} px too wide"] if over > 0 else [])]
