"""A folder with three crews comes in by the page, all but one are kept; the API takes the same project as a zip.

What came in is run, goes out as Python and as a project, and comes in again without a difference.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.application import Application

CREW = """
from crewai import Agent, Crew, Task
from crewai.project import CrewBase, agent, crew, task

@CrewBase
class NAMEDesk:
    @agent
    def writer(self): return Agent(config=self.agents_config["writer"])
    @task
    def note(self): return Task(config=self.tasks_config["note"])
    @crew
    def crew(self): return Crew(agents=self.agents, tasks=self.tasks)
"""
AGENTS = "writer:\n  role: NAME writer\n  goal: Write\n  backstory: Brief.\n  llm: gpt-4o-mini\n"
TASKS = "note:\n  description: Write for NAME on {topic}.\n  expected_output: A note\n  agent: writer\n"


def project(folder: Path) -> Path:
    for name in ("Tea", "Coffee", "Water"):
        desk = folder / "desks" / name.lower()
        (desk / "config").mkdir(parents=True)
        for path, text in (("crew.py", CREW), ("config/agents.yaml", AGENTS), ("config/tasks.yaml", TASKS)):
            (desk / path).write_text(text.replace("NAME", name))
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_text("[core]")
    (folder / "logo.png").write_bytes(b"\x89PNG")
    return folder


def test_a_folder_with_three_crews(page: Page, application: Application, tmp_path: Path) -> None:
    folder = project(tmp_path / "shop")
    page.goto("/t/my-team/crews/import/")
    page.get_by_label("Choose a folder").set_input_files(folder)
    expect(page.get_by_text("9 files chosen; 2 that no crew needs stay here.")).to_be_visible()
    page.get_by_role("button", name="Read it").click()
    expect(page.get_by_role("checkbox")).to_have_count(3)
    page.get_by_role("checkbox", name="Coffee desk").uncheck()
    page.get_by_role("button", name="Save the crews that are ticked").click()
    expect(page.get_by_role("link", name="Water desk")).to_be_visible()
    expect(page.get_by_role("link", name="Tea desk")).to_be_visible()
    expect(page.get_by_role("link", name="Coffee desk")).to_have_count(0)
    with application.api() as client:
        kept = client.get("/crews/tea-desk").raise_for_status().json()
        assert (kept["spec"]["agents"][0]["role"], kept["complaints"]) == ("Tea writer", [])
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as packed:
            for path in sorted(folder.rglob("*.*")):
                packed.write(path, path.relative_to(tmp_path))
        answer = client.post("/crews/import", files={"files": ("shop.zip", archive.getvalue())}, data={"crews": "all"})
        made = {crew["name"]: crew["slug"] for crew in answer.raise_for_status().json()["crews"]}
        assert made.keys() == {"Tea desk", "Coffee desk", "Water desk"}
        assert client.get(f"/crews/{made['Tea desk']}").json()["spec"] == kept["spec"]


def test_what_came_in_runs_goes_out_and_comes_in_again_the_same(page: Page, application: Application) -> None:
    desk = {
        "desk/crew.py": CREW.replace("NAME", "Juice"),
        "desk/config/agents.yaml": AGENTS.replace("NAME", "Juice"),
        "desk/config/tasks.yaml": TASKS.replace("NAME", "Juice"),
    }
    with application.api() as client:
        files = [("files", (path, text.encode())) for path, text in desk.items()]
        client.post("/crews/import", files=files, data={"paths": list(desk)}).raise_for_status()
        spec = client.get("/crews/juice-desk").raise_for_status().json()["spec"]
    page.goto("/t/my-team/crews/juice-desk/launch/")
    page.get_by_label("topic").fill("apples")
    page.get_by_role("button", name="Launch").click()
    expect(page.get_by_text("succeeded").first).to_be_visible(timeout=60_000)
    for form in ("CrewAI Python", "CrewAI YAML project"):
        page.goto("/t/my-team/crews/juice-desk/")
        page.locator("summary", has_text="Export").click()
        with page.expect_download() as download:
            page.get_by_role("link", name=form, exact=True).click()
        page.goto("/t/my-team/crews/import/")
        page.get_by_label("Or files").set_input_files(
            {
                "name": download.value.suggested_filename,
                "mimeType": "application/octet-stream",
                "buffer": download.value.path().read_bytes(),
            }
        )
        page.get_by_role("button", name="Read it").click()
        page.get_by_label("Name", exact=True).fill(f"Back from {form}")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("heading", name=f"Back from {form}")).to_be_visible()
    with application.api() as client:
        for slug in ("back-from-crewai-python", "back-from-crewai-yaml-project"):
            back = client.get(f"/crews/{slug}").raise_for_status().json()["spec"]
            assert {**back, "name": spec["name"]} == spec


def test_a_folder_that_is_dropped(page: Page) -> None:
    """Files that a script makes have no folders, as some browsers give them: their names count."""
    page.goto("/t/my-team/crews/import/")
    page.locator("form[data-project]").evaluate(
        """(form) => {
            const dropped = new DataTransfer();
            for (const name of ["a.py", "b.png"]) dropped.items.add(new File(["x = 1"], name));
            form.dispatchEvent(new DragEvent("drop", { dataTransfer: dropped, bubbles: true, cancelable: true }));
        }"""
    )
    expect(page.get_by_text("1 file chosen; 1 that no crew needs stay here.")).to_be_visible()
