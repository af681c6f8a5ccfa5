"""The tools by which an agent asks a co-worker or hands work to one. Each runs another agent's conversation.

A co-worker uses its own model and tools, and hands nothing on. Its calls are a branch below the tool call's step.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from engine.crew.agent_loop import Context, Conversation, WriteBrief
from engine.crew.model_calls import Calls
from engine.crew.prompt import coworker_message, task_message
from engine.errors import ContextTooLong, ModelMistake, ProviderError
from engine.providers.llm import Message
from engine.spec.crew_spec import AgentSpec, TaskSpec
from engine.tools.memory import memory_tools
from engine.tools.tool import Effect, ToolFacts, ToolFailed

DELEGATE = "delegate_work"
ASK = "ask_coworker"


def described(coworkers: Sequence[AgentSpec]) -> str:
    """Who the co-workers are, one line each, for the model that chooses between them."""
    return "\n".join(f"- {agent.key}: {agent.role.strip()}. {agent.goal.strip()}".rstrip() for agent in coworkers)


class CoworkerTool(ABC):
    """A tool whose work is done by another agent of the crew."""

    facts: ToolFacts

    def __init__(self, coworkers: Sequence[AgentSpec]) -> None:
        self._coworkers = {agent.key: agent for agent in coworkers}

    @abstractmethod
    async def run_with(self, calls: Calls, arguments: dict[str, Any], *, step: int) -> str:
        """The co-worker's answer to the tool call at ``step`` of ``calls``. Raises ``ToolFailed`` if it has none."""

    async def run(self, arguments: dict[str, Any]) -> str:
        raise ToolFailed("This tool works only within a crew.")

    def calls_of_coworker(self, calls: Calls, arguments: dict[str, Any], step: int) -> Calls:
        """The calls of the co-worker named in the arguments."""
        return calls.of_coworker(self._coworkers[arguments["coworker"]], step=step)


class AskCoworker(CoworkerTool):
    """Asks a co-worker a question. It knows only what it is told."""

    def __init__(self, coworkers: Sequence[AgentSpec]) -> None:
        super().__init__(coworkers)
        self.facts = _facts(
            ASK,
            f"Ask a co-worker. They know nothing but what you write.\n{described(coworkers)}",
            coworkers,
            {"question": "what you want to know", "background": "all they must know to answer"},
        )

    async def run_with(self, calls: Calls, arguments: dict[str, Any], *, step: int) -> str:
        brief = coworker_message(str(arguments["question"]), str(arguments["background"]))
        return await coworker_answer(self.calls_of_coworker(calls, arguments, step), lambda context, schema: brief)


class DelegateWork(CoworkerTool):
    """Hands a piece of work to a co-worker. It knows only what it is told."""

    def __init__(self, coworkers: Sequence[AgentSpec]) -> None:
        super().__init__(coworkers)
        self.facts = _facts(
            DELEGATE,
            f"Have a co-worker do a piece of work. They know nothing but what you write.\n{described(coworkers)}",
            coworkers,
            {"work": "what to do, and what you expect back", "background": "all they must know to do it"},
        )

    async def run_with(self, calls: Calls, arguments: dict[str, Any], *, step: int) -> str:
        brief = coworker_message(str(arguments["work"]), str(arguments["background"]))
        return await coworker_answer(self.calls_of_coworker(calls, arguments, step), lambda context, schema: brief)


class DelegateTask(CoworkerTool):
    """Hands the task itself to a co-worker, with its context: the manager need not write it out again."""

    def __init__(self, coworkers: Sequence[AgentSpec], task: TaskSpec, context: Context) -> None:
        super().__init__(coworkers)
        self._task = task
        self._context = context
        self.facts = _facts(
            DELEGATE,
            "Have a co-worker do the task. They are shown the task and its context, and your instructions. "
            "To send work back, delegate it again; say in the instructions what to change, and quote what it is about.",
            coworkers,
            {"instructions": 'how to go about it; may be ""'},
        )

    async def run_with(self, calls: Calls, arguments: dict[str, Any], *, step: int) -> str:
        instructions = str(arguments["instructions"]).strip()

        def write_brief(context: Context, schema_in_words: dict[str, Any] | None) -> Message:
            message = task_message(self._task, context, schema_in_words=schema_in_words)
            addition = f"\n\n## Instructions of your manager\n{instructions}" if instructions else ""
            return {**message, "content": message["content"] + addition}

        return await coworker_answer(
            self.calls_of_coworker(calls, arguments, step), write_brief, self._context, task=self._task
        )


async def coworker_answer(
    calls: Calls, write_brief: WriteBrief, context: Context = (), *, task: TaskSpec | None = None
) -> str:
    """A co-worker's answer, to the whole ``task`` if one is given. Raises ``ToolFailed`` with why there is none."""
    agent = calls.agent
    tool_specs = agent.tools if task is None or task.tools is None else task.tools
    schema = task.output_schema if task is not None else None
    deadline = asyncio.timeout(agent.max_execution_time_s)
    try:
        async with deadline, calls.runtime.tools.open(tool_specs) as tools:
            toolbox = tools | memory_tools(calls.runtime.memory, agent)
            return await Conversation(calls, write_brief, context, toolbox=toolbox, schema=schema).answer()
    except (ModelMistake, ProviderError, ContextTooLong) as error:
        raise ToolFailed(f"{agent.role} could not do it: {error}") from error
    except TimeoutError:
        if not deadline.expired():
            raise
        message = f"{agent.role} did not finish within its {agent.max_execution_time_s:g} s."
        raise ToolFailed(message) from None


def _facts(name: str, description: str, coworkers: Sequence[AgentSpec], texts: dict[str, str]) -> ToolFacts:
    properties: dict[str, Any] = {"coworker": {"type": "string", "enum": [agent.key for agent in coworkers]}}
    properties |= {field: {"type": "string", "description": about} for field, about in texts.items()}
    parameters = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return ToolFacts(name, description, parameters, effect=Effect.PURE, cacheable=False)
