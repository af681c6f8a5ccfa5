"""A team with one of everything, for requests that are to get as far as its rows."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from agents_app.actions import cut_version
from agents_app.gallery.actions import share
from agents_app.gallery.texts import TemplateTexts
from agents_app.knowledge.actions import upload_document
from agents_app.library.in_crews.actions import keep_from_crew
from agents_app.models import Crew
from runs.batches.actions import launch_batch
from runs.batches.order import BatchOrder
from runs.comments.actions import comment
from runs.data_sets.actions import make_data_set
from runs.data_sets.rows import of_json
from runs.launch.order import LaunchOrder
from runs.models import Alert, AlertKind, InboxEntry, InboxKind, SavedView
from runs.months import this_month
from runs.prices.actions import PriceOrder, set_price
from runs.reconciliation.actions import ExportChoice, ReadExport, keep
from runs.reconciliation.reading.apart import read_as_json
from runs.reconciliation.reading.cells_of_days import Theirs
from runs.scenarios.actions import save_scenario
from runs.scenarios.asked import Asked
from runs.schedules.actions import make_schedule
from runs.schedules.order import ScheduleOrder
from runs.telling.subjects import about_bill, about_crew, about_run, about_version
from teams.actions import add_provider, issue_token
from teams.invitations.actions import invite
from teams.models import Delivery, Role, WebhookEvent
from teams.programs.actions import make_program
from teams.webhooks.actions import add_webhook, send_test
from tests.cast import Cast
from tests.runs.books import Books, last_month, make_books
from tests.runs.reconciliation.exports import OPENAI_USAGE

PK_OF = {
    "remove_provider": "provider",
    "test_provider": "provider",
    "change_provider": "provider",
    "book_stated": "provider",
    "take_back_price": "price",
    "revoke_token": "token",
    "change_role": "member",
    "hand_over": "member",
    "remove_member": "member",
    "program_token": "program",
    "program_role": "program",
    "withdraw_invitation": "invitation",
    "remove_webhook": "webhook",
    "set_webhook_active": "webhook",
    "test_webhook": "webhook",
    "send_again": "delivery",
    "template": "template",
    "copy_template": "template",
    "template_json": "template",
    "withdraw_template": "template",
    "give_template": "template",
    **dict.fromkeys(
        ("library_agent", "change_library_agent", "withdraw_agent", "library_version", "restore_agent"), "agent"
    ),
    "document": "document",
    "remove_document": "document",
    "get_document": "document",
    "dismiss_alert": "alert",
    "open_view": "view",
    "rename_view": "view",
    "remove_view": "view",
    "scenario": "scenario",
    "rename_scenario": "scenario",
    "remove_scenario": "scenario",
    "run_comment": "comment",
    "crew_comment": "crew_comment",
    "version_comment": "version_comment",
    "month_comment": "month_comment",
    "open_entry": "entry",
    "change_comment": "comment",
    "delete_comment": "comment",
    "reconciliation": "check",
    "reconciliation_csv": "check",
    "say_keys": "check",
    "compare_again": "check",
    "check_again": "check",
    "remove_reconciliation": "check",
    "get_reconciliation": "check",
    "delete_reconciliation": "check",
}
"""What an address's ``pk`` is one of, by the name of its view."""
OF_ENDED_RUNS = ("rate", "run_comments", "run_comment", "rate_run", "change_comment", "delete_comment")
OF_LINKED_AGENTS = (
    *("agent_library", "keep_agent", "link_agent", "keep_own", "use_as_kept", "give_back", "unlink_agent"),
    *("get_crew_link", "link_crew_agent", "unlink_crew_agent", "keep_crew_agent", "take_over_agent", "reset_agent"),
    *("keep_own_agent", "give_back_agent"),
)
"""Addresses whose ``key`` is an agent's, which comes from the library."""


@dataclass
class Rows:
    """``books`` has the runs; ``pks`` the ids of everything else."""

    books: Books
    pks: dict[str, Any]

    @property
    def cast(self) -> Cast:
        return self.books.cast

    def parameters(self, names: set[str], view: str, method: str) -> dict[str, Any]:
        """A value for each parameter of an address, so that the view finds its row: a waiting run where it acts."""
        run = self.books.done if method == "GET" or view in OF_ENDED_RUNS else self.books.waiting
        known = {
            "team": "acme",
            "slug": "company-brief",
            "number": 1,
            "old": 1,
            "new": 1,
            "key": "finance" if view in OF_LINKED_AGENTS else "figures",
            "form": "python",
            "month": f"{last_month():%Y-%m}",
            "step": "0.1",
            "run_id": run.pk,
            "call_id": self.pks["call"],
            "secret": "no-such-link",
            "provider": "openai",
            "batch_id": self.pks["batch"],
            "delivery_id": self.pks["delivery"],
            "name": "leads",
            "schedule_id": self.pks["schedule"],
            "provider_id": self.pks["provider"],
            "member_id": self.pks["member"],
            "program_id": self.pks["program"],
            "invitation_id": self.pks["invitation"],
            "price_id": self.pks["price"],
            "comment_id": self.pks["comment"],
            "entry_id": self.pks["entry"],
            "scenario_id": self.pks["scenario"],
            "template_id": self.pks["template"],
            "agent_id": self.pks["agent"],
            "token_id": self.pks["token"],
            "webhook_id": self.pks["webhook"],
            "alert_id": self.pks["alert"],
            "view_id": self.pks["view"],
            "job_id": self.books.done.pk,
            "pk": self.pks.get(PK_OF.get(view, ""), 0),
        }
        return {name: known[name] for name in names}


def make_rows() -> Rows:
    books = make_books()
    owner = books.cast.owner
    version = cut_version(Crew.objects.get(slug="company-brief"), by=owner.user)
    template = share(owner, version, TemplateTexts("Brief", "Of a company.", ("news",), {"company": "Acme"}))
    hook, _ = add_webhook(owner, url="https://example.com/hook", events=[WebhookEvent.BUDGET])
    send_test(owner, hook)
    alert = Alert.objects.create(
        team=owner.team,
        kind=AlertKind.TEAM,
        month=this_month(),
        threshold=50,
        budget_nusd=10,
        spent_nusd=6,
        reserved_nusd=0,
    )
    pks = {
        "provider": add_provider(owner, provider="openai", api_key="sk-secret", base_url="http://127.0.0.1:9/v1").pk,
        "token": issue_token(owner)[0].pk,
        "document": upload_document(owner, title="notes.txt", data=b"A lake lies there.").document.pk,
        "template": template.pk,
        "agent": keep_from_crew(owner, version.crew, "finance", name="Analyst").pk,
        "member": owner.team.memberships.get(role=Role.RUNNER).pk,
        "invitation": invite(owner, role=Role.VIEWER)[0].pk,
        "program": make_program(owner, name="Nightly", role=Role.RUNNER).pk,
        "webhook": hook.pk,
        "delivery": Delivery.objects.get(webhook=hook).pk,
        "alert": alert.pk,
        "comment": comment(owner, about_run(books.done), "Good.").pk,
        "crew_comment": comment(owner, about_crew(version.crew), "Good.").pk,
        "version_comment": comment(owner, about_version(version), "Good.").pk,
        "month_comment": comment(owner, about_bill(owner.team, last_month()), "Good.").pk,
        "call": books.done.calls.earliest("pk").pk,
    }
    batch = BatchOrder(rows=[{"company": "Acme"}] * 3, run=LaunchOrder(simulated=True))
    pks["batch"], pks["batch_again"] = (launch_batch(owner, version.crew, batch).pk for _ in range(2))
    kept = make_data_set(owner, "leads", of_json([{"company": "Acme"}] * 3))
    every_year = ScheduleOrder("Leads", version.crew, "0 0 1 1 *", "UTC", LaunchOrder(simulated=True), data_set=kept)
    pks["schedule"] = make_schedule(owner, every_year).pk
    pks["entry"] = InboxEntry.objects.create(
        team=owner.team, user=owner.user, kind=InboxKind.COMMENT, comment_id=pks["comment"]
    ).pk
    view = SavedView.objects.create(team=owner.team, name="Failed", q="status:failed", sort="cost", columns="cost")
    pks["view"] = view.pk
    asked = Asked(month=this_month(), hit_percent=50)
    pks["scenario"] = save_scenario(owner, "Half of it cached", asked, for_team=True).pk
    pks["price"] = set_price(
        owner, PriceOrder("azure/ours", input_usd_per_mtok=Decimal(1), output_usd_per_mtok=Decimal(2))
    ).pk
    answer = read_as_json([["usage.csv", OPENAI_USAGE]], {})
    export = ReadExport("usage.csv", Theirs.from_json(answer["theirs"]), (), ExportChoice(), "")
    pks["check"] = keep(owner, export).pk
    return Rows(books, pks)
