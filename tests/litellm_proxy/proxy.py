"""LiteLLM's proxy as a process on loopback, in front of stand-ins; from an environment of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

EXECUTABLE = os.environ.get("LITELLM_PROXY", "")
"""The ``litellm`` program of an environment with ``litellm[proxy]``; "" without one."""
MASTER_KEY = "sk-proxy-master"
START_S = 120.0


class Proxy:
    """``with Proxy(folder, {"fast": (url, "gpt-4o-mini")}) as proxy``: each name leads to a model of a server."""

    def __init__(self, folder: Path, models: Mapping[str, tuple[str, str]]) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self._config = folder / "config.yaml"
        self._config.write_text(json.dumps(_config(models)))  # JSON is YAML

    def __enter__(self) -> Proxy:
        environment = {"PATH": os.environ["PATH"], "HOME": str(self._folder), "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
        options = ("--config", self._config, "--host", "127.0.0.1", "--port", str(self.port), "--telemetry", "False")
        with (self._folder / "proxy.log").open("wb") as log:
            self._process = subprocess.Popen(
                [EXECUTABLE, *options], env=environment, stdout=log, stderr=log, start_new_session=True
            )
        self._wait()
        return self

    def __exit__(self, *exception: object) -> None:
        os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _wait(self) -> None:
        give_up_at = time.monotonic() + START_S
        while time.monotonic() < give_up_at and self._process.poll() is None:
            try:
                if httpx.get(f"{self.url}/health/liveliness", timeout=2, trust_env=False).is_success:
                    return
            except httpx.HTTPError:
                time.sleep(0.3)
        raise RuntimeError((self._folder / "proxy.log").read_text()[-3000:])


def _config(models: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    listed = [
        {
            "model_name": name,
            "litellm_params": {"model": f"openai/{model}", "api_base": url, "api_key": "sk-behind", "max_retries": 0},
        }
        for name, (url, model) in models.items()
    ]
    return {
        "model_list": listed,
        "general_settings": {"master_key": MASTER_KEY},
        "litellm_settings": {"num_retries": 0, "telemetry": False},
        "router_settings": {"num_retries": 0, "disable_cooldowns": True},
    }
