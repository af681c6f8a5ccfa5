"""Addresses of crews, the library of agents and knowledge, below a team."""

from django.urls import path

from agents_app.crews import views as crews
from agents_app.editor import library_agent as library_editor
from agents_app.editor import views as editor
from agents_app.export import views as exports
from agents_app.imports import views as imports
from agents_app.knowledge import views as knowledge
from agents_app.library import views as library
from agents_app.library.in_crews import views as in_crews
from agents_app.versions import views as versions

urlpatterns = [
    path("crews/", crews.crews, name="crews"),
    path("crews/new/", crews.new_crew, name="new_crew"),
    path("crews/import/", imports.import_crew, name="import_crew"),
    path("crews/import/save/", imports.save_import, name="save_import"),
    path("crews/<slug:slug>/", editor.crew, name="crew"),
    path("crews/<slug:slug>/settings/", editor.save_crew, name="save_crew"),
    path("crews/<slug:slug>/agents/", editor.edit_agent, name="add_agent"),
    path("crews/<slug:slug>/agents/<str:key>/", editor.edit_agent, name="edit_agent"),
    path("crews/<slug:slug>/agents/<str:key>/delete/", editor.delete_agent, name="delete_agent"),
    path("crews/<slug:slug>/agents/<str:key>/library/", in_crews.agent_library, name="agent_library"),
    path("crews/<slug:slug>/agents/<str:key>/library/keep/", in_crews.keep_agent, name="keep_agent"),
    path("crews/<slug:slug>/agents/<str:key>/library/link/", in_crews.link_agent, name="link_agent"),
    path("crews/<slug:slug>/agents/<str:key>/library/own/", in_crews.keep_own, name="keep_own"),
    path("crews/<slug:slug>/agents/<str:key>/library/reset/", in_crews.use_as_kept, name="use_as_kept"),
    path("crews/<slug:slug>/agents/<str:key>/library/give-back/", in_crews.give_back, name="give_back"),
    path("crews/<slug:slug>/agents/<str:key>/library/unlink/", in_crews.unlink_agent, name="unlink_agent"),
    path("crews/<slug:slug>/library/", in_crews.crew_library, name="crew_library"),
    path("crews/<slug:slug>/tasks/", editor.edit_task, name="add_task"),
    path("crews/<slug:slug>/tasks/<str:key>/", editor.edit_task, name="edit_task"),
    path("crews/<slug:slug>/tasks/<str:key>/delete/", editor.delete_task, name="delete_task"),
    path("crews/<slug:slug>/tasks/<str:key>/move/", editor.move_task, name="move_task"),
    path("crews/<slug:slug>/json/", editor.crew_as_json, name="crew_json"),
    path("crews/<slug:slug>/copy/", crews.copy_crew, name="copy_crew"),
    path("crews/<slug:slug>/archive/", crews.archive_crew, name="archive_crew"),
    path("crews/<slug:slug>/export/", exports.export_crew, name="export_crew"),
    path("crews/<slug:slug>/export/<slug:form>/", exports.exported_crew, name="exported_crew"),
    path("crews.zip/<slug:form>/", exports.exported_crews, name="exported_crews"),
    path("crews/<slug:slug>/versions/", versions.versions, name="versions"),
    path("crews/<slug:slug>/versions/save/", versions.save_version, name="save_version"),
    path("crews/<slug:slug>/versions/<int:number>/", versions.version, name="version"),
    path("crews/<slug:slug>/versions/<int:number>/note/", versions.describe_version, name="describe_version"),
    path("crews/<slug:slug>/versions/<int:number>/restore/", versions.restore_version, name="restore_version"),
    path("crews/<slug:slug>/versions/<int:number>/export/", exports.export_version, name="export_version"),
    path(
        "crews/<slug:slug>/versions/<int:number>/export/<slug:form>/", exports.exported_version, name="exported_version"
    ),
    path("crews/<slug:slug>/versions/<int:old>/diff/<int:new>/", versions.version_diff, name="version_diff"),
    path("agents/", library.library, name="library"),
    path("agents/new/", library_editor.new_agent, name="new_library_agent"),
    path("agents/<int:pk>/", library.library_agent, name="library_agent"),
    path("agents/<int:pk>/edit/", library_editor.change_agent, name="change_library_agent"),
    path("agents/<int:pk>/withdraw/", library.withdraw_agent, name="withdraw_agent"),
    path("agents/<int:pk>/versions/<int:number>/", library.library_version, name="library_version"),
    path("agents/<int:pk>/versions/<int:number>/restore/", library.restore_agent, name="restore_agent"),
    path("knowledge/", knowledge.documents, name="knowledge"),
    path("knowledge/add/", knowledge.add_documents, name="add_documents"),
    path("knowledge/<int:pk>/", knowledge.document, name="document"),
    path("knowledge/<int:pk>/delete/", knowledge.remove_document, name="remove_document"),
]
