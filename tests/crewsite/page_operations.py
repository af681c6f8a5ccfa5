"""What pages do by POST, beside the operations of the API that do it; or why none does.

The one place for both: ``test_page_operations.py`` holds it against the URL conf and the API, so that a new page has to
say which operation does the same.
"""

from __future__ import annotations

OPERATIONS: dict[str, tuple[str, ...]] = {
    # Crews
    "new_crew": ("post_crew",),
    "import_crew": ("import_crew",),
    "save_import": ("import_crew",),
    "crew_json": ("put_crew",),
    "save_crew": ("put_crew",),
    "add_agent": ("put_crew",),
    "edit_agent": ("put_crew",),
    "delete_agent": ("put_crew",),
    "add_task": ("put_crew",),
    "edit_task": ("put_crew",),
    "delete_task": ("put_crew",),
    "move_task": ("put_crew",),
    "copy_crew": ("copy_crew",),
    "archive_crew": ("delete_crew",),
    "save_version": ("post_version",),
    "describe_version": ("put_version_note",),
    "restore_version": ("restore_version",),
    # The library of agents
    "new_library_agent": ("post_agent",),
    "change_library_agent": ("put_agent",),
    "withdraw_agent": ("withdraw_agent",),
    "restore_agent": ("restore_agent_version",),
    "crew_library": ("add_crew_agent",),
    "agent_library": ("take_over_agent",),
    "keep_agent": ("keep_crew_agent",),
    "link_agent": ("link_crew_agent",),
    "keep_own": ("keep_own_agent",),
    "use_as_kept": ("reset_agent",),
    "give_back": ("give_back_agent",),
    "unlink_agent": ("unlink_crew_agent",),
    # Templates
    "share_version": ("share_version",),
    "take_in_template": ("take_in_template",),
    "copy_template": ("copy_template",),
    "withdraw_template": ("withdraw_template",),
    "original": ("take_over_original",),
    # Knowledge
    "add_documents": ("post_document",),
    "remove_document": ("remove_document",),
    # Runs and batches
    "launch": ("launch_run", "rerun"),
    "launch_batch": ("launch_batch",),
    "change_batch": ("pause_batch", "resume_batch", "cancel_batch", "retry_batch"),
    "add_batch_rows": ("add_batch_rows",),
    "new_data_set": ("create_data_set",),
    "keep_inputs": ("create_data_set",),
    "grow_data_set": ("add_data_set_rows", "add_data_set_version", "preview_data_set"),
    "change_data_set": ("patch_data_set", "delete_data_set"),
    "new_schedule": ("create_schedule",),
    "edit_schedule": ("patch_schedule",),
    "change_schedule": ("pause_schedule", "resume_schedule", "run_schedule_now", "delete_schedule"),
    "cancel_run": ("cancel_run",),
    "resume_run": ("resume_run",),
    "run_baseline": ("pin_run", "unpin_run"),
    "review": ("approve_task",),
    "review_request": ("approve_task",),
    "review_call": ("approve_task",),
    "rate": ("rate_run", "unrate_run"),
    "saved_views": ("create_view",),
    "rename_view": ("patch_view",),
    "remove_view": ("delete_view",),
    # Comments and the inbox
    "run_comments": ("add_comment",),
    "crew_comments": ("add_crew_comment",),
    "version_comments": ("add_version_comment",),
    "month_comments": ("add_bill_comment",),
    **dict.fromkeys(
        ("run_comment", "crew_comment", "version_comment", "month_comment"), ("change_comment", "delete_comment")
    ),
    "inbox": ("read_inbox", "put_inbox_choice"),
    # Money
    "close_bill": ("close_bill",),
    "prices": ("create_price",),
    "take_back_price": ("delete_price",),
    "book_unpriced": ("book_unpriced_calls",),
    "limits": ("put_limits",),
    "kept_texts": ("put_kept_texts",),
    "dismiss_alert": ("dismiss_alert",),
    "reports": ("put_report_choice",),
    "scenarios": ("create_scenario",),
    "rename_scenario": ("rename_scenario",),
    "remove_scenario": ("delete_scenario",),
    "reconciliations": ("post_reconciliation",),
    "say_keys": ("put_their_keys",),
    "compare_again": ("check_again",),
    "remove_reconciliation": ("delete_reconciliation",),
    # The team
    "rename_team": ("patch_team",),
    "invite": ("create_invitation",),
    "withdraw_invitation": ("delete_invitation",),
    "change_role": ("put_member_role",),
    "hand_over": ("hand_over_team",),
    "remove_member": ("remove_member",),
    "programs": ("create_program",),
    "program_token": ("create_program_token",),
    "program_role": ("put_member_role",),
    "revoke_token": ("delete_token",),
    "keys": ("create_provider",),
    "change_provider": ("patch_provider",),
    "book_stated": ("patch_provider",),
    "test_provider": ("test_provider",),
    "remove_provider": ("delete_provider",),
    "webhooks": ("create_webhook",),
    "remove_webhook": ("delete_webhook",),
    "set_webhook_active": ("patch_webhook",),
    "test_webhook": ("test_webhook",),
    "send_again": ("replay_delivery",),
}
"""By the page's name. An operation that does less than its page is listed beside those that do the rest."""

READS: dict[str, tuple[str, ...]] = {
    # Crews
    "crews": ("list_crews",),
    "crew": ("get_crew",),
    "export_crew": ("export_crew", "export_report"),
    "exported_crew": ("export_crew",),
    "exported_crews": ("export_crews",),
    "versions": ("list_versions",),
    "version": ("get_version",),
    "export_version": ("export_crew", "export_report"),
    "exported_version": ("export_crew",),
    "version_diff": ("diff_versions",),
    "version_runs": ("list_version_figures",),
    "crew_figures": ("get_usage", "compare_runs", "get_forecast"),
    # The library of agents, templates, knowledge
    "library": ("list_agents",),
    "library_agent": ("get_agent", "list_agent_crews", "list_agent_versions", "diff_agent_versions"),
    "library_version": ("get_agent_version",),
    "agent_costs": ("get_agent_costs",),
    "templates": ("list_templates",),
    "template": ("get_template",),
    "template_json": ("get_template_file",),
    "original_news": ("get_original",),
    "knowledge": ("list_documents", "search"),
    "document": ("get_document",),
    # Runs
    "first_page": ("get_usage", "compare_runs", "get_forecast", "list_alerts", "list_runs"),
    "runs": ("list_runs", "list_views"),
    "runs_csv": ("get_runs_file",),
    "runs_jsonl": ("get_runs_file",),
    "open_view": ("list_views",),
    "newer": ("list_runs",),
    "last_runs": ("list_runs",),
    "running_now": ("list_runs",),
    "run": ("get_run", "get_findings"),
    "run_events": ("run_events",),
    "run_output": ("get_run",),
    "run_task": ("get_run", "list_calls"),
    "task_output": ("get_run",),
    "search_run": ("search_run_texts",),
    "ratings": ("list_ratings",),
    "run_calls": ("list_calls",),
    "call": ("list_calls",),
    "compare": ("compare_runs", "diff_versions"),
    "compare_csv": ("compare_runs",),
    "compare_output": ("get_run",),
    "compare_rows": ("match_batch_rows",),
    "compare_rows_csv": ("get_matched_rows_file",),
    "workers": ("get_operations",),
    "open_entry": ("list_inbox", "read_inbox"),
    # Batches, data sets, schedules
    "batches": ("list_batches",),
    "batch": ("get_batch",),
    "batch_events": ("batch_events",),
    **dict.fromkeys(("batch_csv", "batch_xlsx", "batch_jsonl"), ("get_batch_results",)),
    "data_sets": ("list_data_sets",),
    "data_set": ("get_data_set", "list_data_set_rows", "list_data_set_versions", "list_data_set_columns"),
    **dict.fromkeys(("data_set_csv", "data_set_jsonl"), ("list_data_set_rows",)),
    "schedules": ("list_schedules",),
    "schedule": ("get_schedule",),
    "next_times": ("list_next_times",),
    "schedule_columns": ("list_data_set_columns", "get_crew"),
    # Money
    "bills": ("list_bills",),
    "bill": ("get_bill",),
    "bill_csv": ("get_bill",),
    "bill_calls": ("list_bill_calls",),
    "closed_bills": ("list_closed_bills",),
    **dict.fromkeys(("closed_bill", "closed_bill_json", "closed_bill_csv"), ("get_closed_bill",)),
    "price_list": ("list_default_prices",),
    "price_history": ("list_price_history",),
    "prices_month": ("reckon_month_by_list",),
    "forecast": ("get_forecast",),
    "scenario": ("get_scenario",),
    "what_if": ("answer_scenario",),
    "what_if_csv": ("answer_scenario",),
    "what_if_tokenizers": ("measure_tokenizers",),
    "reconciliation": ("get_reconciliation",),
    "reconciliation_csv": ("get_reconciliation",),
    "keys_used": ("list_key_use",),
    # The team
    "people": ("get_team", "list_members", "list_invitations"),
    **dict.fromkeys(("log", "log_csv", "log_jsonl"), ("list_log",)),
}
"""What pages that only show something show, by the page's name: an operation tells the same."""

_OF_THE_PAGE = "helps whoever types on the page, and shows nothing that is not told elsewhere"

NOT_READ_BY_API: dict[str, str] = {
    "settings": "leads on to its parts",
    "choose_columns": "a choice of the browser's own list",
    "filter_completion": _OF_THE_PAGE,
    "names_at": _OF_THE_PAGE,
    **dict.fromkeys(("home", "join_link"), "leads a person into their team"),
    **dict.fromkeys(("live", "ready", "metrics"), "is asked by machines as it is"),
}
"""By the page's name: why no operation tells what it shows."""

_SIGN_IN = "signs a person in or out, or changes how they sign in; a token is no person"
_TWO_TEAMS = "concerns another team than the one that a token acts in"

NOT_BY_API: dict[str, str] = {
    "tokens": "a person's token outlasts their sessions, so its page asks for a proof of who they are; programs have "
    "an operation",
    "second_step": "who demands it has to prove that they have one themselves, which a token cannot",
    "account": "a person's own name, in all of their teams",
    "give_template": _TWO_TEAMS,
    "new_team": _TWO_TEAMS,
    "open_example": _TWO_TEAMS,
    "remove_example": _TWO_TEAMS,
    "join": _SIGN_IN,
    "stop_report": "the link in a mail is its own proof, and works without signing in",
}
"""By the page's name: why no operation does what it does."""
NOT_BY_API_BELOW: dict[str, str] = {"signin/": _SIGN_IN, "account/": _SIGN_IN, "signout/": _SIGN_IN}
"""The same of all pages below an address."""
