"""The addresses of pages about runs and of templates, below ``/t/<team>/``."""

from django.urls import path

from runs.agent_costs import views as agent_costs
from runs.batches import views as batches
from runs.batches.matched import views as matched
from runs.bills import views as bills
from runs.closing import views as closing
from runs.comments import views as comments
from runs.compare import views as compare
from runs.data_sets import views as data_sets
from runs.demo import views as demo
from runs.export import views as export
from runs.forecast import views as forecast
from runs.gallery import views as gallery
from runs.history import views as history
from runs.home import views as home
from runs.inbox import views as inbox
from runs.key_use import views as key_use
from runs.launch import views as launch
from runs.leaving import views as leaving
from runs.limits import views as limits
from runs.operations import views as operations
from runs.prices import views as prices
from runs.ratings import views as ratings
from runs.reconciliation import views as reconciliation
from runs.reports import views as reports
from runs.retention import views as retention
from runs.run import views as run
from runs.saved_views import views as saved_views
from runs.scenarios import views as scenarios
from runs.schedules import views as schedules

urlpatterns = [
    path("", home.first_page, name="first_page"),
    path("crews/<slug:slug>/figures/", home.crew_figures, name="crew_figures"),
    path("crews/<slug:slug>/launch/", launch.launch, name="launch"),
    path("crews/<slug:slug>/launch/batch/", batches.launch_batch, name="launch_batch"),
    path("batches/", batches.batches, name="batches"),
    path("batches/<uuid:batch_id>/", batches.batch, name="batch"),
    path("batches/<uuid:batch_id>/events/", batches.batch_events, name="batch_events"),
    path("batches/<uuid:batch_id>/change/", batches.change_batch, name="change_batch"),
    path("batches/<uuid:batch_id>/rows/", batches.add_batch_rows, name="add_batch_rows"),
    path("batches/<uuid:batch_id>/results.csv", batches.batch_csv, name="batch_csv"),
    path("batches/<uuid:batch_id>/results.xlsx", batches.batch_xlsx, name="batch_xlsx"),
    path("batches/<uuid:batch_id>/results.jsonl", batches.batch_jsonl, name="batch_jsonl"),
    path("batches/<uuid:batch_id>/keep/", data_sets.keep_inputs, name="keep_inputs"),
    path("data-sets/", data_sets.data_sets, name="data_sets"),
    path("data-sets/new/", data_sets.new_data_set, name="new_data_set"),
    path("data-sets/<slug:name>/", data_sets.data_set, name="data_set"),
    path("data-sets/<slug:name>/add/", data_sets.grow_data_set, name="grow_data_set"),
    path("data-sets/<slug:name>/change/", data_sets.change_data_set, name="change_data_set"),
    path("data-sets/<slug:name>/rows.csv", data_sets.data_set_csv, name="data_set_csv"),
    path("data-sets/<slug:name>/rows.jsonl", data_sets.data_set_jsonl, name="data_set_jsonl"),
    path("schedules/", schedules.schedules, name="schedules"),
    path("schedules/times/", schedules.next_times, name="next_times"),
    path("schedules/<uuid:schedule_id>/", schedules.schedule, name="schedule"),
    path("schedules/<uuid:schedule_id>/edit/", schedules.edit_schedule, name="edit_schedule"),
    path("schedules/<uuid:schedule_id>/change/", schedules.change_schedule, name="change_schedule"),
    path("crews/<slug:slug>/launch/schedule/", schedules.new_schedule, name="new_schedule"),
    path("crews/<slug:slug>/launch/schedule/columns/", schedules.schedule_columns, name="schedule_columns"),
    path("crews/<slug:slug>/original/", gallery.original, name="original"),
    path("crews/<slug:slug>/original/news/", gallery.original_news, name="original_news"),
    path("crews/<slug:slug>/versions/<int:number>/share/", gallery.share_version, name="share_version"),
    path("templates/", gallery.templates, name="templates"),
    path("templates/add/", gallery.take_in_template, name="take_in_template"),
    path("templates/<int:pk>/", gallery.template, name="template"),
    path("templates/<int:pk>/copy/", gallery.copy_template, name="copy_template"),
    path("templates/<int:pk>/file/", gallery.template_json, name="template_json"),
    path("templates/<int:pk>/give/", gallery.give_template, name="give_template"),
    path("templates/<int:pk>/withdraw/", gallery.withdraw_template, name="withdraw_template"),
    path("workers/", operations.workers, name="workers"),
    path("runs/", history.runs, name="runs"),
    path("runs.csv", export.runs_csv, name="runs_csv"),
    path("runs.jsonl", export.runs_jsonl, name="runs_jsonl"),
    path("runs/views/", saved_views.saved_views, name="saved_views"),
    path("runs/views/<int:pk>/", saved_views.open_view, name="open_view"),
    path("runs/views/<int:pk>/rename/", saved_views.rename_view, name="rename_view"),
    path("runs/views/<int:pk>/remove/", saved_views.remove_view, name="remove_view"),
    path("runs/columns/", history.choose_columns, name="choose_columns"),
    path("runs/newer/", history.newer, name="newer"),
    path("runs/completion/", history.filter_completion, name="filter_completion"),
    path("runs/last/", history.last_runs, name="last_runs"),
    path("runs/versions/", history.version_runs, name="version_runs"),
    path("runs/now/", history.running_now, name="running_now"),
    path("runs/<uuid:run_id>/", run.run, name="run"),
    path("runs/<uuid:run_id>/events/", run.events, name="run_events"),
    path("runs/<uuid:run_id>/cancel/", run.cancel, name="cancel_run"),
    path("runs/<uuid:run_id>/baseline/", run.baseline, name="run_baseline"),
    path("runs/<uuid:run_id>/resume/", run.resume, name="resume_run"),
    path("runs/<uuid:run_id>/output/", run.output, name="run_output"),
    path("runs/<uuid:run_id>/tasks/<str:key>/", run.task, name="run_task"),
    path("runs/<uuid:run_id>/tasks/<str:key>/review/", run.review, name="review"),
    path("runs/<uuid:run_id>/tasks/<str:key>/review/requests/<str:step>/", run.review, name="review_request"),
    path("runs/<uuid:run_id>/tasks/<str:key>/review/calls/<uuid:call_id>/", run.review, name="review_call"),
    path("runs/<uuid:run_id>/tasks/<str:key>/output/", run.task_output, name="task_output"),
    path("runs/<uuid:run_id>/search/", run.search, name="search_run"),
    path("runs/<uuid:run_id>/ratings/", ratings.ratings, name="ratings"),
    path("runs/<uuid:run_id>/rating/", ratings.rate, name="rate"),
    path("comments/names/", comments.names, name="names_at"),
    path("runs/<uuid:run_id>/comments/", comments.comments, name="run_comments"),
    path("runs/<uuid:run_id>/comments/<int:pk>/", comments.comment, name="run_comment"),
    path("crews/<slug:slug>/comments/", comments.comments, name="crew_comments"),
    path("crews/<slug:slug>/comments/<int:pk>/", comments.comment, name="crew_comment"),
    path("crews/<slug:slug>/versions/<int:number>/comments/", comments.comments, name="version_comments"),
    path("crews/<slug:slug>/versions/<int:number>/comments/<int:pk>/", comments.comment, name="version_comment"),
    path("bills/<str:month>/comments/", comments.comments, name="month_comments"),
    path("bills/<str:month>/comments/<int:pk>/", comments.comment, name="month_comment"),
    path("agents/costs/", agent_costs.agent_costs, name="agent_costs"),
    path("inbox/", inbox.inbox, name="inbox"),
    path("inbox/<int:pk>/", inbox.open_entry, name="open_entry"),
    path("runs/<uuid:run_id>/calls/", run.calls, name="run_calls"),
    path("runs/<uuid:run_id>/calls/<uuid:call_id>/", run.call, name="call"),
    path("bills/", bills.bills, name="bills"),
    path("bills/closed/", closing.closed_bills, name="closed_bills"),
    path("bills/<str:month>.csv", bills.bill_csv, name="bill_csv"),
    path("bills/<str:month>/", bills.bill, name="bill"),
    path("bills/<str:month>/calls/", bills.bill_calls, name="bill_calls"),
    path("example/", demo.open_example, name="open_example"),
    path("example/remove/", demo.remove_example, name="remove_example"),
    path("compare/", compare.comparison, name="compare"),
    path("compare/csv/", compare.comparison_csv, name="compare_csv"),
    path("compare/output/", compare.output, name="compare_output"),
    path("compare/rows/", matched.matched_rows, name="compare_rows"),
    path("compare/rows/csv/", matched.matched_rows_csv, name="compare_rows_csv"),
    path("scenarios/", scenarios.scenarios, name="scenarios"),
    path("scenarios/what-if/", scenarios.what_if, name="what_if"),
    path("scenarios/what-if/csv/", scenarios.what_if_csv, name="what_if_csv"),
    path("scenarios/what-if/tokenizers/", scenarios.tokenizers, name="what_if_tokenizers"),
    path("scenarios/<int:pk>/", scenarios.scenario, name="scenario"),
    path("scenarios/<int:pk>/rename/", scenarios.rename_scenario, name="rename_scenario"),
    path("scenarios/<int:pk>/remove/", scenarios.remove_scenario, name="remove_scenario"),
    path("bills/<slug:month>/close/", closing.close_bill, name="close_bill"),
    path("bills/<slug:month>/document/", closing.closed_bill_page, name="closed_bill"),
    path("bills/<slug:month>/document.json", closing.closed_bill_json, name="closed_bill_json"),
    path("bills/<slug:month>/document.csv", closing.closed_bill_csv, name="closed_bill_csv"),
    path("prices/", prices.prices, name="prices"),
    path("prices/list/", prices.price_list, name="price_list"),
    path("prices/history/", prices.price_history, name="price_history"),
    path("prices/month/", prices.prices_month, name="prices_month"),
    path("prices/unpriced/", prices.book_unpriced, name="book_unpriced"),
    path("prices/<int:pk>/take-back/", prices.take_back, name="take_back_price"),
    path("forecast/", forecast.forecast, name="forecast"),
    path("reconciliations/", reconciliation.reconciliations, name="reconciliations"),
    path("reconciliations/<int:pk>/", reconciliation.reconciliation, name="reconciliation"),
    path("reconciliations/<int:pk>/csv/", reconciliation.reconciliation_csv, name="reconciliation_csv"),
    path("reconciliations/<int:pk>/keys/", reconciliation.say_keys, name="say_keys"),
    path("reconciliations/<int:pk>/again/", reconciliation.compare_again, name="compare_again"),
    path("reconciliations/<int:pk>/remove/", reconciliation.remove_reconciliation, name="remove_reconciliation"),
    path("settings/providers/use/", key_use.keys_used, name="keys_used"),
    path("settings/people/<int:pk>/remove/", leaving.remove_member, name="remove_member"),
    path("limits/", limits.limits_page, name="limits"),
    path("limits/texts/", retention.kept_texts, name="kept_texts"),
    path("reports/", reports.reports, name="reports"),
    path("alerts/<int:pk>/dismiss/", limits.dismiss, name="dismiss_alert"),
]
