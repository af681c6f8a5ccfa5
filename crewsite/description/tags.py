"""What the sections of the API's reference are about."""

from __future__ import annotations

TAGS: dict[str, str] = {
    "crews": "Agents, tasks and a process: the draft that is edited, and its frozen versions. Import and export.",
    "runs": "Launch a crew, follow a run, read every call of it, act on it, compare. Saved views of the list of runs.",
    "batches": "One crew over many inputs.",
    "data sets": "Inputs of batches under a name, in versions that never change.",
    "schedules": "Launches by themselves, at the times of a cron expression.",
    "jobs": "A launch and its result in the manner of small job servers: `/analyze`, then `/results/{job_id}`.",
    "ratings": "From one to five stars, by people and by programs that judge.",
    "comments": "On runs, crews, versions and bills.",
    "inbox": "What the token's person was told.",
    "templates": "Versions that are shared, and copies of them.",
    "agents": "The library of agents, and what crews have from there.",
    "documents": "What agents may search.",
    "bills": "What a month cost, by any dimension; closed months.",
    "limits": "Budgets and caps, alerts about them, and how long texts are kept.",
    "forecast": "What the month will come to.",
    "prices": "The default list, and the team's own prices.",
    "scenarios": "What runs would have cost on other models or at other prices.",
    "reconciliations": "The ledger against what providers say.",
    "reports": "Reports of weeks and months by mail.",
    "providers": "Keys of model providers. A key goes in and never comes out.",
    "team": "People, programs, invitations, tokens, and the log of who did what.",
    "webhooks": "Addresses that are told of events.",
    "operations": "How the installation runs.",
}
