"""One task done: by its agent, who may hand work to co-workers, or by the manager; then checked."""

from __future__ import annotations

from typing import Any

from engine.calls import Calls
from engine.checks import checked
from engine.conversation import Context, Conversation
from engine.coworkers import AskCoworker, DelegateWork, coworker_toolbox
from engine.llm import Message
from engine.manager import ManagedTask
from engine.output import Answer
from engine.prompt import task_message
from engine.spec import CrewSpec, TaskSpec
from engine.tool_calls import Toolbox


async def do_task(calls: Calls, spec: CrewSpec, task: TaskSpec, context: Context) -> Answer:
    """The task's checked answer, by the agent of ``calls``.

    Raises ``ModelMistake`` if the model does not get it right within its repairs, ``WaitingForPerson`` if somebody has
    to look at the answer first, and what ``Calls.ask`` raises.
    """
    if spec.process == "hierarchical":
        managed = ManagedTask(calls, spec, task, context)
        return await checked(managed.conversation, task, await managed.answer())
    wanted = calls.agent.tools if task.tools is None else task.tools
    toolbox: Toolbox = {**calls.runtime.tools.make(wanted), **_coworkers(calls, spec)}

    def opening(context: Context, schema_in_words: dict[str, Any] | None) -> Message:
        return task_message(task, context, schema_in_words=schema_in_words)

    conversation = Conversation(calls, opening, context, toolbox=toolbox, schema=task.output_schema)
    return await checked(conversation, task, await conversation.answer())


def _coworkers(calls: Calls, spec: CrewSpec) -> Toolbox:
    others = [agent for agent in spec.agents if agent.key != calls.agent.key]
    if not calls.agent.allow_delegation or not others:
        return {}
    return dict(coworker_toolbox([DelegateWork(others), AskCoworker(others)]))
