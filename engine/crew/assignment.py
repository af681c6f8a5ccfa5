"""How one task gets its answer: from its agent, who may hand work to co-workers, or through the manager; then checked.

The loop of asking and calling tools is in ``agent_loop``.
"""

from __future__ import annotations

from engine.crew.agent_loop import Context, Conversation, task_brief
from engine.crew.answer_checks import checked
from engine.crew.coworkers import AskCoworker, DelegateWork
from engine.crew.manager import ManagedTask
from engine.crew.model_calls import Calls
from engine.crew.output import TaskAnswer
from engine.spec.crew_spec import CrewSpec, TaskSpec
from engine.tools.memory import memory_tools
from engine.tools.registry import Toolbox, toolbox_of


async def do_task(calls: Calls, spec: CrewSpec, task: TaskSpec, context: Context) -> TaskAnswer:
    """The task's checked answer, from the agent of ``calls``.

    Raises ``ModelMistake`` if the answer still does not pass after all repairs, ``WaitingForPerson`` if a person has to
    decide something first, ``ToolFailed`` if its tools cannot be opened, and what ``Calls.ask`` raises.
    """
    if spec.process == "hierarchical":
        managed = ManagedTask(calls, spec, task, context)
        return await checked(managed.conversation, task, await managed.answer())
    async with calls.runtime.tools.open(calls.agent.tools if task.tools is None else task.tools) as tools:
        toolbox = tools | memory_tools(calls.runtime.memory, calls.agent) | _coworkers(calls, spec)
        conversation = Conversation(calls, task_brief(task), context, toolbox=toolbox, schema=task.output_schema)
        return await checked(conversation, task, await conversation.answer())


def _coworkers(calls: Calls, spec: CrewSpec) -> Toolbox:
    others = [agent for agent in spec.agents if agent.key != calls.agent.key]
    if not calls.agent.allow_delegation or not others:
        return {}
    return toolbox_of((DelegateWork(others), AskCoworker(others)))
