"""Which of a team's provider keys is used for a model. Keys are decrypted here, and only in this process's memory."""

from __future__ import annotations

from engine.catalogue.model_ids import NOT_MODEL_PROVIDERS, PROVIDERS, SEARCH_PROVIDER, provider_of, real_id
from engine.providers.credential import NEEDS_NO_KEY, Credential
from engine.providers.servers.known import CANNOT
from engine.spec.crew_spec import LLMSpec
from teams.models import ProviderKey, Team
from teams.secrets import unseal


class TeamCredentials:
    """Finds the provider key for a model: the one the spec names, else ``default``, else the provider's only one."""

    def __init__(self, team: Team) -> None:
        self._keys = list(ProviderKey.objects.filter(team=team))

    def __call__(self, llm: LLMSpec) -> Credential | None:
        key = self.key_for(llm)
        if key is None:
            return None
        return _credential(key)

    def key_for(self, llm: LLMSpec) -> ProviderKey | None:
        """The key that would be used, still encrypted."""
        candidates = {key.name: key for key in self._keys if key.provider == provider_of(llm.model)}
        if llm.credential:
            return candidates.get(llm.credential)
        return candidates.get("default") or (next(iter(candidates.values())) if len(candidates) == 1 else None)

    def missing(self, llm: LLMSpec) -> str:
        """Why no key is found for the model, and what to do about it in the settings; "" if there is one."""
        if self.key_for(llm) is not None:
            return ""
        provider = provider_of(llm.model)
        if provider in CANNOT:
            return f"{llm.model} cannot be asked from here: {CANNOT[provider]}."
        if provider is None or provider not in PROVIDERS:
            return (
                f"{llm.model} does not say whose model it is. Write the provider in front of it, as in "
                "groq/llama-3.3-70b-versatile; for an OpenAI-compatible server write openai/ and the model's name, and "
                "add a key of OpenAI with the server's base URL."
            )
        return self._lacking(llm, provider, sorted(key.name for key in self._keys if key.provider == provider))

    def _lacking(self, llm: LLMSpec, provider: str, names: list[str]) -> str:
        name = PROVIDERS[provider]
        if llm.credential:
            there = f"there is {', '.join(names)}" if names else "there is none at all"
            return f"There is no {name} key named {llm.credential} for {llm.model}: {there}. Add it in the settings."
        if names:
            return (
                f"{llm.model} could use the {name} keys {', '.join(names)}. Name one at the agent, or call one default."
            )
        what = "its base URL" if provider in NEEDS_NO_KEY else "a key"
        return f"There is no {name} key for {llm.model}. In the settings choose {name} as provider and give {what}."

    def doubt(self, llm: LLMSpec) -> str:
        """Why the key that there is may not do for the model, as its last test told; "" without a doubt."""
        key = self.key_for(llm)
        if key is None:
            return ""
        if key.test_fault:
            return f"The key {key} failed its last test: {key.test_fault}"
        names = {model.removeprefix(f"{key.provider}/") for model in key.model_ids}
        name = real_id(llm.model).removeprefix(f"{key.provider}/")
        if key.base_url and names and not names & {name, f"{name}:latest"}:
            return (
                f"The server of the key {key} did not list {llm.model} when it was tested; it has "
                f"{', '.join(key.model_ids[:5])}{' and others' if len(names) > 5 else ''}."
            )
        return ""

    @property
    def any_model_key(self) -> bool:
        """Whether the team has a key of any model provider."""
        return any(key.provider not in NOT_MODEL_PROVIDERS for key in self._keys)

    def all_of(self, provider: str) -> dict[str, Credential]:
        """All keys of a provider, by name."""
        return {key.name: _credential(key) for key in self._keys if key.provider == provider}

    def search_key(self) -> Credential | None:
        key = next((key for key in self._keys if key.provider == SEARCH_PROVIDER), None)
        return _credential(key) if key else None


def listed_models(team: Team) -> tuple[list[str], list[str]]:
    """The ids of models that the team's keys listed at their tests: on servers of its own, and at providers."""
    rows = ProviderKey.objects.filter(team=team).exclude(model_ids=[]).order_by("provider", "name")
    own: list[str] = []
    others: list[str] = []
    for base_url, models in rows.values_list("base_url", "model_ids"):
        (own if base_url else others).extend(models)
    return own, others


def _credential(key: ProviderKey) -> Credential:
    return Credential(unseal(key.secret), key.base_url or None, key.api_version, key.books_stated)
