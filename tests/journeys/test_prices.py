"""An owner prices a model that no list has, and launches it under a budget that now holds."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect

from tests.application import Application
from tests.openai_server import OpenAIServer

DEPLOYMENT = "openai/journey-deployment"
CREW: dict[str, Any] = {
    "name": "Journey prices",
    "agents": [{"key": "writer", "role": "Writer", "llm": {"model": DEPLOYMENT, "max_tokens": 50}}],
    "tasks": [{"key": "poem", "description": "Write a poem.", "agent": "writer"}],
}


def test_a_model_without_a_price_is_priced_and_launched(application: Application, page: Page) -> None:
    with OpenAIServer("Rivers run.") as server, application.api() as client:
        key = {"provider": "openai", "api_key": "k", "base_url": server.url}
        key_id = client.post("/providers", json=key).raise_for_status().json()["id"]
        slug = client.post("/crews", json=CREW).raise_for_status().json()["slug"]
        page.goto(f"/t/my-team/crews/{slug}/launch/")
        expect(page.get_by_text("No price is known for openai/journey-deployment.").first).to_be_visible()
        page.get_by_role("link", name="Set a price").click()
        page.get_by_role("link", name=f"Set a price of {DEPLOYMENT}").click()
        expect(page.get_by_label("Model (needed)")).to_have_value(DEPLOYMENT)
        page.get_by_label("Prompt", exact=True).fill("0.15")
        page.get_by_label("Answer", exact=True).fill("0.60")
        page.get_by_role("button", name="Set the price").click()
        expect(page.get_by_text("holds for runs that begin from now on")).to_be_visible()
        page.goto(f"/t/my-team/crews/{slug}/launch/")
        page.get_by_role("button", name="Launch").click()
        expect(page.locator("#run-state")).to_contain_text("succeeded", timeout=60_000)
        expect(page.locator("#run-cost")).not_to_contain_text("unpriced")
        page.goto("/t/my-team/prices/")
        page.on("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name=f"Take back the price of {DEPLOYMENT}").click()
        expect(page.get_by_text("is taken back")).to_be_visible()
        client.delete(f"/providers/{key_id}").raise_for_status()
