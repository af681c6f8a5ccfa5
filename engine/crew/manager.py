"""The hierarchical process: a manager hands each task to an agent, may ask others, and accepts or returns the answer.

An accepted answer becomes the output as it stands, so that nobody pays for writing it a second time.
"""

from __future__ import annotations

from typing import Any

from engine.crew.agent_loop import Context, Conversation
from engine.crew.coworkers import DELEGATE, AskCoworker, DelegateTask, described
from engine.crew.model_calls import Calls
from engine.crew.prompt import task_message
from engine.crew.tool_calls import ToolResult
from engine.errors import ModelMistake
from engine.providers.llm import Message, ToolCall
from engine.spec.crew_spec import AgentSpec, CrewSpec, TaskSpec
from engine.tools.registry import toolbox_of
from engine.tools.tool import ToolFacts

ACCEPT = "accept_answer"
MANAGER_KEY = "manager"


def manager_of(spec: CrewSpec) -> AgentSpec:
    """The crew's manager agent, or one made for ``manager_llm`` with a key that no other agent has."""
    manager = spec.agent(spec.manager_agent)
    if manager is not None:
        return manager
    assert spec.manager_llm is not None  # validate demands one of the two
    key = MANAGER_KEY
    while spec.agent(key) is not None:
        key += "_"
    return AgentSpec(
        key=key,
        role="the manager of a crew",
        goal="Have the right co-worker do each task, check what they give against what is expected, and send back "
        "what falls short.",
        llm=spec.manager_llm,
    )


def coworkers_of(spec: CrewSpec, task: TaskSpec) -> list[AgentSpec]:
    """The agents that the manager may give the task to: the one that the task names, else all but the manager."""
    return [agent for agent in spec.agents if agent.key != spec.manager_agent and task.agent in (None, agent.key)]


class ManagedTask:
    """One task in the hands of the manager: its conversation, and the last answer of a co-worker."""

    def __init__(self, calls: Calls, spec: CrewSpec, task: TaskSpec, context: Context) -> None:
        self._latest = ""
        self._latest_branch = ""
        coworkers = coworkers_of(spec, task)
        everyone = [agent for agent in spec.agents if agent.key != spec.manager_agent]
        others = [AskCoworker(everyone)] if len(everyone) > 1 else []
        toolbox = toolbox_of((DelegateTask(coworkers, task, context), *others, AcceptAnswer(self)))

        def write_brief(context: Context, schema_in_words: dict[str, Any] | None) -> Message:
            message = task_message(task, context, schema_in_words=schema_in_words)
            return {**message, "content": f"{message['content']}\n\n{_rules(coworkers)}"}

        self.conversation = Conversation(
            calls, write_brief, context, toolbox=toolbox, schema=task.output_schema, watch=self._watch
        )

    async def answer(self) -> str:
        """The answer that the manager accepted, or one that it wrote itself."""
        return await self.conversation.answer()

    @property
    def latest(self) -> str:
        """The last answer of a co-worker to the task; "" before the first."""
        return self._latest

    def _watch(self, call: ToolCall, result: ToolResult, step: int) -> str | None:
        if result.failed:
            return None
        if call.name == DELEGATE:
            self._latest = result.text
            self._latest_branch = self.conversation.calls.branch_of(step)
        if call.name != ACCEPT:
            return None
        self.conversation.answered_at = (self._latest_branch, None)
        return self._latest


class AcceptAnswer:
    """Ends the task: its output is the last answer of a co-worker."""

    facts = ToolFacts(
        ACCEPT, "Take the last answer that you were given as the task's output, as it stands.", cacheable=False
    )

    def __init__(self, managed: ManagedTask) -> None:
        self._managed = managed

    async def run(self, arguments: dict[str, Any]) -> str:
        if not self._managed.latest:
            raise ModelMistake(f"There is no answer to accept yet. Call {DELEGATE} first.")
        return "Accepted."


def _rules(coworkers: list[AgentSpec]) -> str:
    return (
        f"Do not do the task yourself. Have it done with {DELEGATE}, check the answer against what is expected, then "
        f"call {ACCEPT}, or delegate again and say what to change. Your co-workers:\n{described(coworkers)}"
    )
