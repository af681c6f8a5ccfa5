"""Refusals as providers and servers write them: name, status, headers, body, and what each means.

Each body follows one that people reported of that provider or server.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from engine.errors import Room


@dataclass(frozen=True)
class Case:
    """``asked``: the most tokens of the answer that the request allowed. ``shows``: a part of the sentence."""

    name: str
    status: int
    body: Any
    kind: str
    retryable: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    pause_s: float | None = None
    room: Room | None = None
    asked: int = 4096
    shows: str = ""

    @property
    def bytes(self) -> bytes:
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body).encode()


def openai(message: str, code: str | int | None = None, kind: str = "invalid_request_error") -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def anthropic(message: str, kind: str = "invalid_request_error") -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}


def gemini(message: str, status: str, *details: dict[str, Any], code: int = 429) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "status": status, "details": list(details)}}


def quota_of(quota: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": quota}]}


RETRY_22_S = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "22s"}
EXCEEDED = "You exceeded your current quota, please check your plan and billing details."
PER_DAY = quota_of("GenerateRequestsPerDayPerProjectPerModel-FreeTier")
PER_MINUTE = quota_of("GenerateRequestsPerMinutePerProjectPerModel-FreeTier")

QUOTA = (
    Case(
        "openai no credit",
        429,
        openai(EXCEEDED, "insufficient_quota", "insufficient_quota"),
        "quota",
        shows="Add credit",
    ),
    Case(
        "openai hard limit", 400, openai("Billing hard limit has been reached", "billing_hard_limit_reached"), "quota"
    ),
    Case(
        "anthropic no credit",
        400,
        anthropic("Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing."),
        "quota",
    ),
    Case("anthropic limit", 400, anthropic("You have reached your specified API usage limits."), "quota"),
    Case("deepseek no credit", 402, openai("Insufficient Balance", "invalid_request_error"), "quota"),
    Case("gemini per day", 429, gemini(EXCEEDED, "RESOURCE_EXHAUSTED", PER_DAY, RETRY_22_S), "quota", pause_s=22),
    Case(
        "gemini without an allowance",
        429,
        gemini(f"{EXCEEDED} Quota exceeded for metric: free_tier_requests, limit: 0", "RESOURCE_EXHAUSTED", PER_MINUTE),
        "quota",
    ),
    Case("moonshot suspended", 429, openai("Your account is suspended", None, "exceeded_current_quota_error"), "quota"),
    Case(
        "xai no credit",
        403,
        {"code": "permission-denied", "error": "Your team has either used all available credits or reached its limit."},
        "quota",
    ),
    Case(
        "cohere trial",
        429,
        {"message": "You are using a Trial key, which is limited to 1000 API calls / month."},
        "quota",
    ),
    Case(
        "litellm proxy budget",
        400,
        openai("Budget has been exceeded! Current cost: 5.0, Max budget: 1.0", "400", "budget_exceeded"),
        "quota",
    ),
    Case(
        "openrouter key limit",
        402,
        {
            "error": {
                "code": 402,
                "message": "This request requires more credits, or fewer max_tokens. You requested up to "
                "4096 tokens, but can only afford 31.",
            }
        },
        "quota",
    ),
)

BUSY = (
    Case(
        "openai tokens a minute",
        429,
        openai(
            "Rate limit reached for gpt-4o on tokens per min (TPM): Limit 30000, Used 29000, Requested 1443. Please "
            "try again in 886ms.",
            "rate_limit_exceeded",
            "tokens",
        ),
        "busy",
        retryable=True,
        pause_s=0.886,
    ),
    Case(
        "retry-after-ms", 429, openai("slow down"), "busy", True, {"retry-after-ms": "1250", "retry-after": "2"}, 1.25
    ),
    Case("azure", 429, openai("Please retry after 6 seconds.", "429"), "busy", True, pause_s=6),
    Case("azure in milliseconds", 429, openai("busy", "429"), "busy", True, {"x-ms-retry-after-ms": "40"}, 0.04),
    Case(
        "gemini per minute",
        429,
        gemini(EXCEEDED, "RESOURCE_EXHAUSTED", PER_MINUTE, RETRY_22_S),
        "busy",
        True,
        pause_s=22,
    ),
    Case(
        "gemini plain",
        429,
        gemini("Resource has been exhausted (e.g. check quota).", "RESOURCE_EXHAUSTED"),
        "busy",
        True,
    ),
    Case(
        "gemini in a list",
        429,
        [gemini(EXCEEDED, "RESOURCE_EXHAUSTED", PER_MINUTE, RETRY_22_S)],
        "busy",
        True,
        pause_s=22,
    ),
    Case(
        "groq tokens a minute",
        429,
        openai(
            "Rate limit reached for model `llama` on tokens per minute (TPM): Limit 6000, Used 5034, Requested 1443. "
            "Please try again in 4.77s.",
            "rate_limit_exceeded",
            "tokens",
        ),
        "busy",
        True,
        pause_s=4.77,
    ),
    Case(
        "groq requests a day",
        429,
        openai(
            "Rate limit reached on requests per day (RPD): Limit 1000, Used 1000. Please try again in 7m12s.",
            "rate_limit_exceeded",
            "requests",
        ),
        "busy",
        True,
        pause_s=432,
    ),
    Case(
        "the used-up limit counts",
        429,
        openai("slow down"),
        "busy",
        True,
        {
            "x-ratelimit-remaining-requests": "150",
            "x-ratelimit-reset-requests": "8h0m0s",
            "x-ratelimit-remaining-tokens": "12",
            "x-ratelimit-reset-tokens": "6.5s",
        },
        6.5,
    ),
    Case(
        "a reset without its rest", 429, openai("slow down"), "busy", True, {"x-ratelimit-reset-requests": "1m30s"}, 90
    ),
    Case("mistral", 429, {"message": "Requests rate limit exceeded"}, "busy", True),
    Case(
        "bedrock", 400, {"message": "Too many requests"}, "busy", True, {"x-amzn-errortype": "ThrottlingException:http"}
    ),
    Case("told not to retry", 429, openai("no"), "busy", False, {"x-should-retry": "false"}),
)


def says(message: str) -> dict[str, Any]:
    return openai(message, "context_length_exceeded")


ROOM = (
    Case(
        "openai, vllm before 2025",
        400,
        says(
            "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens (4904 in the "
            "messages, 4096 in the completion). Please reduce the length of the messages or completion."
        ),
        "room",
        room=Room(window=8192, prompt=4904),
        shows="takes 8,192 tokens",
    ),
    Case(
        "vllm",
        400,
        says(
            "This model's maximum context length is 16384 tokens. However, you requested 4096 output tokens and your "
            "prompt contains at least 12289 input tokens, for a total of at least 16385 tokens."
        ),
        "room",
        room=Room(window=16384, prompt=12289),
    ),
    Case(
        "vllm short",
        400,
        says(
            "You passed 98305 input tokens and requested 32768 output tokens. However, the model's context length is "
            "only 131072 tokens, resulting in a maximum input length of 98304 tokens."
        ),
        "room",
        room=Room(window=131072, prompt=98305),
    ),
    Case(
        "vllm max_tokens",
        400,
        says(
            "'max_tokens' or 'max_completion_tokens' is too large: 4096. This model's maximum context length is 4096 "
            "tokens and your request has 1234 input tokens (4096 > 4096 - 1234)."
        ),
        "room",
        room=Room(window=4096, prompt=1234),
    ),
    Case(
        "llama.cpp",
        400,
        {
            "error": {
                "code": 400,
                "message": "request (13392 tokens) exceeds the available context size (8192 tokens), try increasing it",
                "type": "exceed_context_size_error",
                "n_prompt_tokens": 13392,
                "n_ctx": 8192,
            }
        },
        "room",
        room=Room(window=8192, prompt=13392),
    ),
    Case(
        "lm studio",
        400,
        {
            "error": "Trying to keep the first 6269 tokens when context the overflows. However, the model is loaded "
            "with context length of only 4096 tokens, which is not enough."
        },
        "room",
        room=Room(window=4096, prompt=6269),
    ),
    Case(
        "anthropic together",
        400,
        anthropic(
            "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, decrease input length or "
            "`max_tokens` and try again"
        ),
        "room",
        room=Room(window=200000, prompt=188240),
    ),
    Case(
        "anthropic prompt",
        400,
        anthropic("prompt is too long: 213462 tokens > 200000 maximum"),
        "room",
        room=Room(window=200000, prompt=213462),
    ),
    Case(
        "anthropic answer",
        400,
        anthropic(
            "max_tokens: 128000 > 64000, which is the maximum allowed number of output tokens for claude-sonnet-4-5"
        ),
        "room",
        room=Room(most=64000),
        shows="at most 64,000 tokens",
    ),
    Case(
        "openai answer",
        400,
        openai(
            "max_tokens is too large: 99999. This model supports at most 16384 completion tokens, "
            "whereas you provided 99999.",
            "invalid_value",
        ),
        "room",
        room=Room(most=16384),
    ),
    Case(
        "deepseek answer",
        400,
        openai("Invalid max_tokens value, the valid range of max_tokens is [1, 8192]"),
        "room",
        room=Room(most=8192),
    ),
    Case(
        "groq answer",
        400,
        openai(
            "`max_tokens` must be less than or equal to `8192`, the maximum value for `max_tokens` "
            "is less than the `context_window` for this model"
        ),
        "room",
        room=Room(most=8192),
    ),
    Case(
        "bedrock answer",
        400,
        {"message": "The maximum tokens you requested exceeds the model limit of 4096. Try again."},
        "room",
        room=Room(most=4096),
    ),
    Case(
        "gemini answer",
        400,
        gemini(
            "Unable to submit request because it has a maxOutputTokens value of 99999 but the "
            "supported range is from 1 (inclusive) to 65537 (exclusive).",
            "INVALID_ARGUMENT",
            code=400,
        ),
        "room",
        room=Room(most=65536),
    ),
    Case(
        "gemini prompt",
        400,
        gemini(
            "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
            "INVALID_ARGUMENT",
            code=400,
        ),
        "room",
        room=Room(window=1048576, prompt=1200000),
    ),
    Case(
        "tgi",
        422,
        {
            "error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8193. Given: 5000 "
            "`inputs` tokens and 4096 `max_new_tokens`",
            "error_type": "validation",
        },
        "room",
        room=Room(window=8193, prompt=5000),
    ),
    Case(
        "groq a minute",
        413,
        openai(
            "Request too large for model `llama-3.3-70b-versatile` on tokens per minute (TPM): Limit 6000, Requested "
            "7810, please reduce your message size and try again.",
            "rate_limit_exceeded",
            "tokens",
        ),
        "room",
        room=Room(window=6000, prompt=3714, a_minute=True),
        shows="6,000 tokens that the provider allows in a minute",
    ),
    Case(
        "openai a minute",
        429,
        openai(
            "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 342389. The input or output "
            "tokens must be reduced in order to run successfully.",
            "rate_limit_exceeded",
            "tokens",
        ),
        "room",
        room=Room(window=30000, prompt=338293, a_minute=True),
    ),
    Case(
        "openrouter afford",
        402,
        {
            "error": {
                "code": 402,
                "message": "This request requires more credits, or fewer max_tokens. You requested up to "
                "4096 tokens, but can only afford 2576.",
            }
        },
        "room",
        room=Room(most=2576),
        shows="is enough for an answer of 2,576 tokens",
    ),
    Case(
        "openrouter window",
        400,
        {
            "error": {
                "code": 400,
                "message": "This endpoint's maximum context length is 32768 tokens. However, you requested "
                "about 40000 tokens (35904 of text input, 4096 in the output).",
            }
        },
        "room",
        room=Room(window=32768, prompt=35904),
    ),
    Case("without figures", 400, openai("Your input exceeds the context window of this model."), "room", room=Room()),
    Case(
        "too many bytes", 413, anthropic("Request exceeds the maximum size", "request_too_large"), "room", room=Room()
    ),
)

OTHERS = (
    Case(
        "openai key",
        401,
        openai(
            "Incorrect API key provided: sk-abcdefghijkl. You can find your key at your account.", "invalid_api_key"
        ),
        "key",
        shows="Put a working one",
    ),
    Case(
        "gemini key",
        400,
        gemini(
            "API key not valid. Please pass a valid API key.",
            "INVALID_ARGUMENT",
            {"reason": "API_KEY_INVALID"},
            code=400,
        ),
        "key",
    ),
    Case("litellm proxy key", 400, openai("No connected db.", "400", "no_db_connection"), "key"),
    Case("perplexity key", 401, "<html><head><title>401 Authorization Required</title></head></html>", "key"),
    Case(
        "bedrock key",
        403,
        {"message": "The security token included in the request is invalid."},
        "key",
        headers={"x-amzn-errortype": "UnrecognizedClientException"},
    ),
    Case(
        "region",
        403,
        openai(
            "Country, region, or territory not supported", "unsupported_country_region_territory", "request_forbidden"
        ),
        "permission",
        shows="not let it do this",
    ),
    Case(
        "openai model",
        404,
        openai("The model `gpt-9` does not exist or you do not have access to it.", "model_not_found"),
        "model",
        shows="Check the id",
    ),
    Case(
        "ollama model",
        404,
        {"error": "model 'llama9' not found, try pulling it first"},
        "model",
        shows="try pulling it",
    ),
    Case(
        "azure deployment",
        404,
        openai("The API deployment for this resource does not exist.", "DeploymentNotFound"),
        "model",
    ),
    Case("bedrock model", 400, {"message": "The provided model identifier is invalid."}, "model"),
    Case("openrouter model", 400, {"error": {"code": 400, "message": "foo/bar is not a valid model ID"}}, "model"),
    Case(
        "litellm proxy model",
        400,
        {
            "error": {
                "message": "/chat/completions: Invalid model name passed in model=x. Call "
                "`/v1/models` to view available models for your key.",
                "code": "400",
            }
        },
        "model",
    ),
    Case("groq model", 400, openai("The model `llama2-70b` has been decommissioned.", "model_decommissioned"), "model"),
    Case("ollama address", 404, "404 page not found", "address", shows="Check the base URL"),
    Case("a web site", 404, "<!DOCTYPE html><html><body>Not found</body></html>", "address"),
    Case("vllm address", 404, {"detail": "Not Found"}, "address"),
    Case(
        "azure filter",
        400,
        {
            "error": {
                "message": "The response was filtered due to the prompt triggering Azure OpenAI's "
                "content management policy.",
                "code": "content_filter",
                "status": 400,
                "innererror": {"code": "ResponsibleAIPolicyViolation"},
            }
        },
        "content",
        shows="rules on contents",
    ),
    Case(
        "openrouter moderation",
        403,
        {"error": {"code": 403, "message": "Your chosen model requires moderation and your input was flagged"}},
        "content",
    ),
    Case(
        "a setting",
        400,
        openai("Unsupported parameter: 'temperature' is not supported with this model.", "unsupported_parameter"),
        "setting",
        shows="Change it at the agent",
    ),
    Case("anthropic overloaded", 529, anthropic("Overloaded", "overloaded_error"), "down", True),
    Case(
        "llama.cpp loads",
        503,
        {"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}},
        "down",
        True,
    ),
    Case("a gateway's page", 502, "<html>502 Bad Gateway</html>", "down", True, shows="status page"),
    Case("a body that is nothing", 400, "", "request", shows="Status 400"),
    Case(
        "a provider behind a gateway",
        400,
        {
            "error": {
                "code": 400,
                "message": "Provider returned error",
                "metadata": {"raw": '{"error": {"message": "roles must alternate"}}', "provider_name": "Chutes"},
            }
        },
        "request",
        shows="roles must alternate (Chutes)",
    ),
)

CASES = QUOTA + BUSY + ROOM + OTHERS
