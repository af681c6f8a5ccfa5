"""Whether an answer may count as a task's output: its schema, its guardrails, and a person where the task wants one.

What does not pass is sent back with the reason, as often as the task allows.
"""

from __future__ import annotations

from typing import Any

from engine.catalogue.abilities import takes_schema
from engine.crew.agent_loop import Conversation
from engine.crew.output import TaskAnswer, guardrail_complaint, read_answer
from engine.crew.prompt import question_messages, user_message
from engine.errors import ModelMistake, WaitingForPerson
from engine.record.journal import Purpose
from engine.spec.crew_spec import QuestionGuardrail, TaskSpec

SCHEMA_REPAIRS = 1
VERDICT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"passes": {"type": "boolean"}, "reason": {"type": "string"}},
    "required": ["passes", "reason"],
    "additionalProperties": False,
}


async def checked(conversation: Conversation, task: TaskSpec, text: str) -> TaskAnswer:
    """The answer that passes. Raises ``ModelMistake`` once repairs are used up, ``WaitingForPerson`` for a pause."""
    reviews = 0
    while True:
        answer = await _by_rules(conversation, task, text)
        if not task.human_input:
            return answer
        review = await conversation.calls.runtime.journal.review(task.key, reviews, answer.raw)
        if review is None:
            raise WaitingForPerson(answer.raw)
        if review.approved:
            return answer
        reviews += 1
        remark = f"A person looked at your answer and sent it back: {review.comment.strip() or 'no reason given'}"
        text = await conversation.again(f"{remark}\nAnswer again.")


async def _by_rules(conversation: Conversation, task: TaskSpec, text: str) -> TaskAnswer:
    repairs, refusals = SCHEMA_REPAIRS, task.guardrail_max_retries
    while True:
        try:
            answer = read_answer(text, task.output_schema)
        except ModelMistake as mistake:
            if repairs == 0:
                raise
            repairs -= 1
            text = await conversation.again(f"{mistake} Answer again with the JSON value alone.")
            continue
        complaint = await _complaint(conversation, task, answer)
        if not complaint:
            return answer
        if refusals == 0:
            raise ModelMistake(f"A guardrail refused the answer {task.guardrail_max_retries + 1} times: {complaint}")
        refusals -= 1
        text = await conversation.again(f"{complaint} Answer again.", purpose=Purpose.GUARDRAIL)


async def _complaint(conversation: Conversation, task: TaskSpec, answer: TaskAnswer) -> str:
    """What the first guardrail that refuses says, or "". Those that ask a model come last: the others are free."""
    questions = [rail for rail in task.guardrails if isinstance(rail, QuestionGuardrail)]
    for rail in task.guardrails:
        if rail not in questions and (complaint := guardrail_complaint(rail, answer.raw)):
            return complaint
    for question in questions:
        if complaint := await _asked(conversation, question, answer.raw):
            return complaint
    return ""


async def _asked(conversation: Conversation, rail: QuestionGuardrail, text: str) -> str:
    calls = conversation.calls
    llm = rail.llm or calls.agent.llm
    schema = VERDICT_SCHEMA if takes_schema(llm.model, VERDICT_SCHEMA, beside_tools=False) else None
    messages = question_messages(rail.question, text)
    for _ in range(2):
        reply = await calls.ask(messages, response_schema=schema, purpose=Purpose.GUARDRAIL, llm=llm)
        try:
            verdict = read_answer(reply.text, VERDICT_SCHEMA).data
        except ModelMistake as mistake:
            # Asked in other words than before, or a cache of replies would give the same one again.
            messages = [*question_messages(rail.question, text), user_message(f"Your last reply: {mistake}")]
            continue
        return "" if verdict["passes"] else f"The answer was refused: {verdict['reason'].strip() or rail.question}"
    raise ModelMistake("The model that a guardrail asks gave no readable verdict.")
