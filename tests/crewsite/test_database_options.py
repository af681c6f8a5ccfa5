"""What every connection to the database is opened with: a network that swallows packets is noticed in seconds."""

from __future__ import annotations

import psycopg
import pytest
from django.db import connection

from crewsite import env
from runs.live.hub import connection_params


@pytest.mark.django_db
def test_silence_is_noticed_on_every_connection() -> None:
    with connection.cursor():
        pooled = connection.connection.info.get_parameters()
    with psycopg.connect(**connection_params()) as listening:
        own = listening.info.get_parameters()
    for params in (pooled, own):
        assert {name: params[name] for name in env.SILENCE_LIMITS} == env.SILENCE_LIMITS


def test_an_operator_may_set_it_otherwise() -> None:
    options = env.database("postgresql://db/crewsite?connect_timeout=3&sslmode=require")["OPTIONS"]
    assert options == env.SILENCE_LIMITS | {"connect_timeout": "3", "sslmode": "require"}
