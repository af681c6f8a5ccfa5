"""Whether an answer may be a task's output: it must pass the schema, the guardrails and perhaps a person's review.

An answer that does not pass is sent back with the reason, as often as the task allows.
"""

from __future__ import annotations

from typing import Any

from engine.catalogue.abilities import takes_schema
from engine.crew.agent_loop import Conversation
from engine.crew.output import TaskAnswer, guardrail_complaint, read_answer
from engine.crew.prompt import question_messages, user_message
from engine.errors import ModelMistake, WaitingForPerson
from engine.record.journal import Purpose, RefusedBy
from engine.spec.crew_spec import QuestionGuardrail, TaskSpec
from engine.text import counted

SCHEMA_REPAIRS = 1
VERDICT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"passes": {"type": "boolean"}, "reason": {"type": "string"}},
    "required": ["passes", "reason"],
    "additionalProperties": False,
}


async def checked(conversation: Conversation, task: TaskSpec, text: str) -> TaskAnswer:
    """The answer, once it passes. Raises ``WaitingForPerson`` for a review.

    Raises ``ModelMistake`` after the last repair, and ``TooMuchWork`` if it cannot be checked within bounds.
    """
    reviews = 0
    while True:
        answer = await _automatically_checked(conversation, task, text)
        if not task.human_input:
            return answer
        review = await conversation.calls.runtime.journal.review(task.key, reviews, answer.raw)
        if review is None:
            raise WaitingForPerson(answer.raw)
        if review.approved:
            return answer
        reviews += 1
        await _note_refusal(conversation, RefusedBy.PERSON)
        remark = f"A person looked at your answer and sent it back: {review.comment.strip() or 'no reason given'}"
        text = await conversation.again(f"{remark}\nAnswer again.")


async def _automatically_checked(conversation: Conversation, task: TaskSpec, text: str) -> TaskAnswer:
    """The answer, once it passes the schema and the guardrails."""
    repairs_left, retries_left = SCHEMA_REPAIRS, task.guardrail_max_retries
    while True:
        try:
            answer = await read_answer(
                text, task.output_schema, conversation.calls.effort, takes_near_misses=task.takes_near_misses
            )
        except ModelMistake as mistake:
            await _note_refusal(conversation, RefusedBy.SCHEMA)
            if repairs_left == 0:
                raise
            repairs_left -= 1
            text = await conversation.again(f"{mistake} Answer again with the JSON value alone.")
            continue
        complaint = await _complaint(conversation, task, answer)
        if not complaint:
            return answer
        await _note_refusal(conversation, RefusedBy.GUARDRAIL)
        if retries_left == 0:
            raise ModelMistake(
                f"A guardrail refused the answer {counted(task.guardrail_max_retries + 1, 'time')}: {complaint}"
            )
        retries_left -= 1
        text = await conversation.again(f"{complaint} Answer again.", purpose=Purpose.GUARDRAIL)


async def _note_refusal(conversation: Conversation, by: RefusedBy) -> None:
    branch, step = conversation.answered_at
    calls = conversation.calls
    await calls.runtime.journal.answer_refused(calls.task, by, branch=branch, step=step)


async def _complaint(conversation: Conversation, task: TaskSpec, answer: TaskAnswer) -> str:
    """The complaint of the first guardrail that refuses, or "". Those that ask a model come last: they cost money."""
    questions = [guardrail for guardrail in task.guardrails if isinstance(guardrail, QuestionGuardrail)]
    for guardrail in task.guardrails:
        if guardrail in questions:
            continue
        if complaint := await guardrail_complaint(guardrail, answer.raw, conversation.calls.effort):
            return complaint
    for question in questions:
        if complaint := await _question_complaint(conversation, question, answer.raw):
            return complaint
    return ""


async def _question_complaint(conversation: Conversation, guardrail: QuestionGuardrail, text: str) -> str:
    """Why the guardrail's model refuses the answer, or "". Raises ``ModelMistake`` if it gives no verdict."""
    calls = conversation.calls
    llm = guardrail.llm or calls.agent.llm
    schema = VERDICT_SCHEMA if takes_schema(llm.model, VERDICT_SCHEMA, beside_tools=False) else None
    in_words = VERDICT_SCHEMA if schema is None else None
    asked = question_messages(guardrail.question, text, schema_in_words=in_words)
    messages = asked
    for _ in range(2):
        reply = await calls.ask(messages, response_schema=schema, purpose=Purpose.GUARDRAIL, llm=llm)
        try:
            verdict = (await read_answer(reply.text, VERDICT_SCHEMA, calls.effort, takes_near_misses=True)).data
        except ModelMistake as mistake:
            # Asked in other words than before: else a cache of replies would give the same one again.
            messages = [*asked, user_message(f"Your last reply: {mistake}")]
            continue
        return "" if verdict["passes"] else f"The answer was refused: {verdict['reason'].strip() or guardrail.question}"
    raise ModelMistake("The model that a guardrail asks gave no readable verdict.")
