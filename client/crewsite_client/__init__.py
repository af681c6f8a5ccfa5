"""Crewsite from Python: ``Crewsite``, which waits for each answer, and ``AsyncCrewsite`` for asyncio.

Answers are the API's JSON, typed in ``crewsite_client.answers``; money in them is decimal text in USD.
"""

from crewsite_client.answers import File, Saved
from crewsite_client.async_client import AsyncCrewsite
from crewsite_client.client import Crewsite
from crewsite_client.errors import (
    Busy,
    Changed,
    Conflict,
    CrewsiteError,
    Invalid,
    NotAllowed,
    NotFound,
    Refused,
    ServerFault,
    StillGoing,
    Unreachable,
    UnsafeAddress,
    Unsendable,
)
from crewsite_client.retrying import Retries

__all__ = [
    "AsyncCrewsite",
    "Busy",
    "Changed",
    "Conflict",
    "Crewsite",
    "CrewsiteError",
    "File",
    "Invalid",
    "NotAllowed",
    "NotFound",
    "Refused",
    "Retries",
    "Saved",
    "ServerFault",
    "StillGoing",
    "Unreachable",
    "UnsafeAddress",
    "Unsendable",
]
