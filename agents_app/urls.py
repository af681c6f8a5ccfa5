"""Addresses of crews, templates and knowledge, below a team."""

from django.urls import path

from agents_app import gallery, knowledge, views

urlpatterns = [
    path("crews/", views.crews, name="crews"),
    path("crews/new/", views.new_crew, name="new_crew"),
    path("crews/import/", views.import_crew, name="import_crew"),
    path("crews/import/save/", views.save_import, name="save_import"),
    path("crews/<slug:slug>/", views.crew, name="crew"),
    path("crews/<slug:slug>/settings/", views.save_crew, name="save_crew"),
    path("crews/<slug:slug>/agents/", views.edit_agent, name="add_agent"),
    path("crews/<slug:slug>/agents/<str:key>/", views.edit_agent, name="edit_agent"),
    path("crews/<slug:slug>/agents/<str:key>/delete/", views.delete_agent, name="delete_agent"),
    path("crews/<slug:slug>/tasks/", views.edit_task, name="add_task"),
    path("crews/<slug:slug>/tasks/<str:key>/", views.edit_task, name="edit_task"),
    path("crews/<slug:slug>/tasks/<str:key>/delete/", views.delete_task, name="delete_task"),
    path("crews/<slug:slug>/tasks/<str:key>/move/", views.move_task, name="move_task"),
    path("crews/<slug:slug>/json/", views.crew_as_json, name="crew_json"),
    path("crews/<slug:slug>/copy/", views.copy_crew, name="copy_crew"),
    path("crews/<slug:slug>/archive/", views.archive_crew, name="archive_crew"),
    path("crews/<slug:slug>/versions/<int:number>/", views.version, name="version"),
    path("templates/", gallery.templates, name="templates"),
    path("templates/<int:pk>/", gallery.template, name="template"),
    path("templates/<int:pk>/copy/", gallery.copy_template, name="copy_template"),
    path("knowledge/", knowledge.documents, name="knowledge"),
    path("knowledge/add/", knowledge.add_documents, name="add_documents"),
    path("knowledge/<int:pk>/", knowledge.document, name="document"),
    path("knowledge/<int:pk>/delete/", knowledge.remove_document, name="remove_document"),
]
