"""One task done: by its agent, who may hand work to co-workers, or by the manager; then checked.

The loop itself, ask and call tools until there is an answer, is ``agent_loop``'s.
"""

from __future__ import annotations

from engine.crew.agent_loop import Context, Conversation, opening_of
from engine.crew.answer_checks import checked
from engine.crew.coworkers import AskCoworker, DelegateWork
from engine.crew.manager import ManagedTask
from engine.crew.model_calls import Calls
from engine.crew.output import TaskAnswer
from engine.spec.crew_spec import CrewSpec, TaskSpec
from engine.tools.memory import memory_tools
from engine.tools.registry import Toolbox, toolbox_of


async def do_task(calls: Calls, spec: CrewSpec, task: TaskSpec, context: Context) -> TaskAnswer:
    """The task's checked answer, by the agent of ``calls``.

    Raises ``ModelMistake`` if the model does not get it right within its repairs, ``WaitingForPerson`` if somebody has
    to look at the answer first, ``ToolFailed`` if its tools cannot be had, and what ``Calls.ask`` raises.
    """
    if spec.process == "hierarchical":
        managed = ManagedTask(calls, spec, task, context)
        return await checked(managed.conversation, task, await managed.answer())
    async with calls.runtime.tools.open(calls.agent.tools if task.tools is None else task.tools) as tools:
        toolbox = tools | memory_tools(calls.runtime.memory, calls.agent) | _coworkers(calls, spec)
        conversation = Conversation(calls, opening_of(task), context, toolbox=toolbox, schema=task.output_schema)
        return await checked(conversation, task, await conversation.answer())


def _coworkers(calls: Calls, spec: CrewSpec) -> Toolbox:
    others = [agent for agent in spec.agents if agent.key != calls.agent.key]
    if not calls.agent.allow_delegation or not others:
        return {}
    return toolbox_of((DelegateWork(others), AskCoworker(others)))
