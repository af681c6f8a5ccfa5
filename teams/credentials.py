"""Which of a team's provider keys is used for a model. Keys are decrypted here, and only in this process's memory."""

from __future__ import annotations

from engine.catalogue.model_ids import NOT_MODEL_PROVIDERS, SEARCH_PROVIDER, provider_of
from engine.providers.credential import Credential
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
        return Credential(api_key=unseal(key.secret), base_url=key.base_url or None, books_stated=key.books_stated)

    def key_for(self, llm: LLMSpec) -> ProviderKey | None:
        """The key that would be used, still encrypted."""
        candidates = {key.name: key for key in self._keys if key.provider == provider_of(llm.model)}
        if llm.credential:
            return candidates.get(llm.credential)
        return candidates.get("default") or (next(iter(candidates.values())) if len(candidates) == 1 else None)

    @property
    def any_model_key(self) -> bool:
        """Whether the team has a key of any model provider."""
        return any(key.provider not in NOT_MODEL_PROVIDERS for key in self._keys)

    def all_of(self, provider: str) -> dict[str, Credential]:
        """All keys of a provider, by name."""
        return {
            key.name: Credential(api_key=unseal(key.secret), base_url=key.base_url or None)
            for key in self._keys
            if key.provider == provider
        }

    def search_key(self) -> Credential | None:
        key = next((key for key in self._keys if key.provider == SEARCH_PROVIDER), None)
        return Credential(api_key=unseal(key.secret), base_url=key.base_url or None) if key else None
