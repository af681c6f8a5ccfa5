"""The crews of the benchmark as plain data, and the one builder that makes them with either API.

Their shapes are those of the four well-known article crews; the texts are the benchmark's own. Standard library only,
because this file is read in both engines' virtual environments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MODEL = "openai/gpt-4o-mini"
ANSWER = (
    "The figures agree with the sources that were given. Demand grew in both quarters, costs fell by four per cent, "
    "and the largest open question is how long the second supplier can keep its price. Two of the five regions need "
    "another look before anything is promised to anyone."
)
"""What the model says, always; so a context output is this text."""


@dataclass(frozen=True)
class Member:
    role: str
    goal: str
    backstory: str


@dataclass(frozen=True)
class Job:
    """One task. ``by`` is the member's place, ``context`` the places of the tasks it reads, ``at_once`` async."""

    description: str
    expected_output: str
    by: int
    context: tuple[int, ...] = ()
    at_once: bool = False


@dataclass(frozen=True)
class Shape:
    """A sequential crew."""

    name: str
    members: tuple[Member, ...]
    jobs: tuple[Job, ...]
    inputs: Mapping[str, str] = field(default_factory=dict)


def path_calls(shape: Shape) -> int:
    """Calls on the longest chain through context; a synchronous task that names none follows the one before it."""
    longest: list[int] = []
    synchronous: list[int] = []
    for place, job in enumerate(shape.jobs):
        after = [*job.context]
        if not job.at_once:
            after += [] if job.context else synchronous
            synchronous.append(place)
        longest.append(1 + max((longest[other] for other in after), default=0))
    return max(longest)


def build(api: Any, shape: Shape) -> Any:
    """The crew as an object of ``api``, which is the module ``engine`` or ``crewai``: the calls are the same."""
    agents = [
        api.Agent(role=one.role, goal=one.goal, backstory=one.backstory, llm=MODEL, allow_delegation=False)
        for one in shape.members
    ]
    tasks: list[Any] = []
    for job in shape.jobs:
        task = api.Task(
            description=job.description,
            expected_output=job.expected_output,
            agent=agents[job.by],
            context=[tasks[place] for place in job.context],
            async_execution=job.at_once,
        )
        tasks.append(task)
    return api.Crew(agents=agents, tasks=tasks, process=api.Process.sequential)


SUPPORT = Shape(
    "support, 4 in a row",
    (
        Member("Mood Reader", "Tell how urgent a message is", "You have read ten years of support tickets."),
        Member("Help Librarian", "Find the page that solves the problem", "You know the manual and trust it most."),
        Member("Reply Author", "Write a reply that helps", "You write short, warm and exact letters."),
        Member("Policy Checker", "Keep replies within the rules", "You notice promises that nobody can keep."),
    ),
    (
        Job("Read this message and rate mood and urgency: {message}", "Mood, urgency and intent, a line each", 0),
        Job("Find what solves the problem in this message: {message}", "Up to five pages, each with a line", 1, (0,)),
        Job("Write the reply, in fewer than 150 words, from what was found.", "The reply as an e-mail", 2, (0, 1)),
        Job("Check the reply for promises, liability and tone; correct it.", "The reply that may be sent", 3, (2,)),
    ),
    {"message": "My export has been stuck since Monday and the audit is tomorrow."},
)
CONTENT = Shape(
    "content, 4 in a row",
    (
        Member("Fact Finder", "Gather facts that hold", "You were a reporter and check every source twice."),
        Member("Feature Writer", "Turn facts into a good read", "You explain hard things in plain words."),
        Member("Desk Editor", "Make the text clear and true", "You cut what does not carry its weight."),
        Member("Search Specialist", "Help readers find the text", "You know what people type and why."),
    ),
    (
        Job("Collect recent figures and voices on {topic}. Keywords: {keywords}", "Facts, each with its source", 0),
        Job("Write 1200 words on {topic}, with a strong start and an end.", "A draft with headings", 1, (0,)),
        Job("Edit the draft: clarity, truth, flow, length. Say what changed.", "The edited text and notes", 2, (1,)),
        Job("Add title, description and links for {keywords}.", "The text, ready to be published", 3, (2,)),
    ),
    {"topic": "heat pumps in old houses", "keywords": "heat pump, retrofit, old house"},
)
FINANCIAL = Shape(
    "financial, 2 of 4 at once",
    (
        Member("Data Collector", "Gather reliable figures", "You read filings before breakfast."),
        Member("Number Analyst", "Find the trend in the figures", "You build models and explain them simply."),
        Member("Risk Analyst", "Say what can go wrong", "You have worked through three downturns."),
        Member("Report Author", "Write for people who decide", "You put the conclusion first."),
    ),
    (
        Job("Collect revenue, margin, debt and news of {company} for {period}.", "A table with sources", 0),
        Job("Compute ratios and growth of {company} and compare its peers.", "Ratios, trends, outliers", 1, (0,), True),
        Job("Rate market, credit and supply risks of {company}.", "A matrix of risks and remedies", 2, (0,), True),
        Job("Write the report on {company}: summary, figures, risks, advice.", "Two pages", 3, (0, 1, 2)),
    ),
    {"company": "Nordwind Ferries", "period": "the third quarter"},
)
DRUG = Shape(
    "drug profile, 3 at once + 1",
    (
        Member("Pharmacologist", "Describe how a drug works", "You read trial reports for a living."),
        Member("Approval Expert", "Know where a drug is allowed", "You have filed with five agencies."),
        Member("Market Observer", "Describe who sells what to whom", "You follow prices in every region."),
        Member("Profile Author", "Join findings into one profile", "You are a medical writer."),
    ),
    (
        Job("Describe effect, safety and trials of {drug}.", "Mechanism, doses, efficacy, safety", 0, (), True),
        Job("List approvals and warnings of {drug} by region.", "Dates, uses and warnings", 1, (), True),
        Job("Describe the market of {drug}: size, rivals, prices.", "A short market report", 2, (), True),
        Job("Write the profile of {drug} for people who decide.", "Four sections, 900 words", 3, (0, 1, 2)),
    ),
    {"drug": "naproxen"},
)
_SCOUTS = (
    Member("North Scout", "Report on the north", "You have lived there."),
    Member("South Scout", "Report on the south", "You trade there."),
    Member("Sea Scout", "Report on the ports", "You were a pilot."),
    Member("Air Scout", "Report on the airports", "You planned flights."),
    Member("Chief Scout", "Join what scouts report", "You see what fits together."),
)
_TWO_POINTS = (
    Job("Report on roads of {country} in the north.", "Ten lines", 0, (), True),
    Job("Report on roads of {country} in the south.", "Ten lines", 1, (), True),
    Job("Join both reports on roads.", "One page on roads", 4, (0, 1)),
    Job("Report on the ports of {country}.", "Ten lines", 2, (), True),
    Job("Report on the airports of {country}.", "Ten lines", 3, (), True),
    Job("Join the reports on ports and airports.", "One page on ports and airports", 4, (3, 4)),
    Job("Write how goods reach {country}, from both pages.", "Two pages", 4, (2, 5)),
)
TWO_POINTS = Shape("two sync points", _SCOUTS, _TWO_POINTS, {"country": "Finland"})

ARTICLES = (SUPPORT, CONTENT, FINANCIAL, DRUG, TWO_POINTS)
ONE_TASK = Shape("1 task", SUPPORT.members[:1], SUPPORT.jobs[:1], SUPPORT.inputs)
TWO_TASKS = Shape("2 tasks in a row", SUPPORT.members[:2], SUPPORT.jobs[:2], SUPPORT.inputs)
THREE_TASKS = Shape("3 tasks in a row", SUPPORT.members[:3], SUPPORT.jobs[:3], SUPPORT.inputs)
SHAPES: Mapping[str, Shape] = {shape.name: shape for shape in (*ARTICLES, ONE_TASK, TWO_TASKS, THREE_TASKS)}
