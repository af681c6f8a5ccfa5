"""Which kind a refusal is of, told by its status, its codes and its words, in this order.

Codes and words follow what providers and servers are known to write; docs/providers.md lists them with their tests.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus

from engine.errors import Room
from engine.providers.refusals.room import LEAST_ANSWER_TOKENS

SERVER_ERROR = HTTPStatus.INTERNAL_SERVER_ERROR


class Kind(StrEnum):
    """Whose matter a refusal is. The value is the end of the error's code (``provider_key``)."""

    KEY = "key"
    PERMISSION = "permission"
    QUOTA = "quota"
    BUSY = "busy"
    ROOM = "room"
    MODEL = "model"
    ADDRESS = "address"
    CONTENT = "content"
    SETTING = "setting"
    DOWN = "down"
    REQUEST = "request"


@dataclass(frozen=True, slots=True)
class Signs:
    """What a refusal is known by. ``codes`` are lower-case; ``is_page``: the body is a page for browsers."""

    status: int
    codes: frozenset[str] = frozenset()
    words: str = ""
    is_page: bool = False
    room: Room | None = None

    def say(self, codes: str, words: str) -> bool:
        """Whether it has one of these codes, or words that match. Words of a failing server mean nothing."""
        if self.codes & frozenset(codes.split()):
            return True
        return self.status < SERVER_ERROR and bool(re.search(words, self.words, re.IGNORECASE | re.DOTALL))


def kind_of(signs: Signs) -> Kind:
    """The first kind whose test the refusal passes."""
    return next(kind for kind, is_of in TESTS if is_of(signs))


def _is_of_content(signs: Signs) -> bool:
    return signs.say(
        "content_filter content_policy_violation responsibleaipolicyviolation moderation_blocked content_policy "
        "data_inspection_failed datainspectionfailed",
        r"content management policy|safety system|content polic|requires moderation|input was flagged"
        r"|inappropriate content|usage polic",
    )


def _is_of_room(signs: Signs) -> bool:
    """Too long a prompt, or too long an answer allowed. OpenRouter says for how much of it the credit is enough."""
    if signs.status == HTTPStatus.PAYMENT_REQUIRED:
        return signs.room is not None and (signs.room.most or 0) >= LEAST_ANSWER_TOKENS
    too_large = signs.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    return too_large or (signs.room is not None and signs.status < SERVER_ERROR)


def _is_of_quota(signs: Signs) -> bool:
    """Whether waiting some minutes does not help. Gemini says of every limit that the quota is exceeded; which one it
    is stands in its ``quotaId``."""
    if signs.status == HTTPStatus.PAYMENT_REQUIRED or any(re.search("perday|permonth", code) for code in signs.codes):
        return True
    if "resource_exhausted" in signs.codes or any(re.search("perminute|persecond", code) for code in signs.codes):
        return re.search(r"limit: 0\b", signs.words) is not None
    return signs.say(
        "insufficient_quota insufficient_balance insufficient_credits billing_hard_limit_reached billing_not_active "
        "billing_error budget_exceeded exceeded_current_quota_error credits_exhausted payment_required quota_exceeded "
        "servicequotaexceededexception 1113",
        r"credit balance is too low|insufficient[ _](?:balance|credit|fund|quota)|used all available credits"
        r"|spending limit|(?:doesn't|don't) have (?:any |enough )?credits?|requires more credits|out of credits"
        r"|(?:usage|billing|monthly|budget) limits? (?:reached|exceeded)|reached your specified api usage limits"
        r"|budget has been exceeded|over budget|exceededbudget|calls / month|exceeded your current quota"
        r"|account .{0,40}(?:suspended|in arrears|overdue)",
    )


def _is_busy(signs: Signs) -> bool:
    return signs.status == HTTPStatus.TOO_MANY_REQUESTS or (
        signs.status < SERVER_ERROR
        and signs.say(
            "rate_limit_exceeded rate_limit_error rate_limited throttlingexception too_many_requests "
            "rate_limit_reached_error resource_exhausted",
            r"rate limit (?:reached|exceeded)|too many requests",
        )
    )


def _is_of_key(signs: Signs) -> bool:
    return signs.status == HTTPStatus.UNAUTHORIZED or signs.say(
        "invalid_api_key authentication_error invalid_authentication_error api_key_invalid unauthenticated "
        "unrecognizedclientexception expiredtokenexception invalidsignatureexception missing_api_key "
        # A LiteLLM proxy without a database says so of every key that it does not know.
        "no_db_connection token_not_found_in_db expired_key auth_error",
        r"(?:invalid|incorrect|missing|expired|no|wrong|valid) (?:x-)?(?:api|access|auth\w*)[- ]?(?:key|token)"
        r"|api key not (?:valid|found)|invalid proxy server token|no auth credentials|security token .{0,20}invalid",
    )


def _is_of_model(signs: Signs) -> bool:
    return signs.say(
        "model_not_found deploymentnotfound model_decommissioned model_not_available invalid_model 1211",
        r"model\b.{0,120}(?:does not exist|not found|not exist|decommissioned|deprecated|no longer|not supported"
        r"|is invalid|not available|not a valid|retired)|(?:unknown|invalid|no such|unsupported) model"
        r"|not a valid model|api deployment .{0,80}does not exist|no endpoints found",
    )


def _is_of_address(signs: Signs) -> bool:
    no_such = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED)
    return signs.status in no_such or (signs.is_page and signs.status < SERVER_ERROR)


def _is_down(signs: Signs) -> bool:
    down = "overloaded_error engine_overloaded_error unavailable server_error modelnotreadyexception"
    return signs.status >= SERVER_ERROR or bool(signs.codes & frozenset(down.split()))


def _is_of_setting(signs: Signs) -> bool:
    return signs.say(
        "unsupported_parameter unsupported_value unknown_parameter invalid_value",
        r"(?:unsupported|unknown|unrecognized|unexpected|extra) (?:parameter|value|argument|field|input|keyword)"
        r"|does not support|is not supported with this model",
    )


TESTS: tuple[tuple[Kind, Callable[[Signs], bool]], ...] = (
    (Kind.CONTENT, _is_of_content),
    (Kind.ROOM, _is_of_room),
    (Kind.QUOTA, _is_of_quota),
    (Kind.BUSY, _is_busy),
    (Kind.KEY, _is_of_key),
    (Kind.MODEL, _is_of_model),
    (Kind.PERMISSION, lambda signs: signs.status == HTTPStatus.FORBIDDEN),
    (Kind.ADDRESS, _is_of_address),
    (Kind.DOWN, _is_down),
    (Kind.SETTING, _is_of_setting),
    (Kind.REQUEST, lambda signs: True),
)
