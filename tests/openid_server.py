"""An OpenID Connect issuer on loopback, with GitHub's addresses too: it signs in whoever ``claims`` says, and looks at
what its client brings.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT, SECRET = "crewsite", "the client's secret"


class OpenIDServer:
    """``with OpenIDServer() as issuer``: ``issuer.url`` is the issuer, ``claims`` what it says of the person."""

    def __init__(self) -> None:
        self.claims: dict[str, Any] = {"sub": "42", "email": "owner@example.com", "email_verified": True}
        self.audience = CLIENT
        self.emails: list[dict[str, Any]] = []  # what GitHub would say of a person's addresses
        self.instead: dict[str, Any] = {}  # what it answers at an address in place of what is right
        self.encoding = ""  # in which it says that its answers are packed
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._asked: dict[str, dict[str, str]] = {}
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner._answer(self, {})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                owner._answer(self, {name: values[0] for name, values in parse_qs(body).items()})

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @property
    def apps(self) -> dict[str, Any]:
        """The setting by which Crewsite knows this issuer."""
        settings = {"server_url": self.url, "oauth_pkce_enabled": True}
        app = {"provider_id": "sso", "name": "Our sign-on", "client_id": CLIENT, "secret": SECRET, "settings": settings}
        return {"openid_connect": {"APPS": [app], "OAUTH_PKCE_ENABLED": True}}

    def consent(self, address: str) -> str:
        """What the person's browser does at the address it was led to: where it is sent back to."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        code = secrets.token_urlsafe(8)
        self._asked[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def _answer(self, request: BaseHTTPRequestHandler, sent: dict[str, str]) -> None:
        path = urlsplit(request.path).path
        if path in self.instead:
            self._send(request, self.instead[path], 200)
            return
        if path == "/.well-known/openid-configuration":
            found: Any = {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "userinfo_endpoint": f"{self.url}/userinfo",
                "jwks_uri": f"{self.url}/keys",
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        elif path == "/keys":
            key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key()))
            found = {"keys": [key | {"kid": "one", "alg": "RS256", "use": "sig"}]}
        elif path == "/token":
            found = self._tokens(sent)
        elif path == "/userinfo":
            found = self.claims
        elif path == "/github/token":
            found = {"access_token": "a", "token_type": "bearer"} if self._tokens(sent) else {}
        elif path == "/github/user":
            found = {"id": 42, "login": "somebody", "name": "Some Body", "email": None}
        elif path == "/github/emails":
            found = self.emails
        else:
            found = None
        self._send(request, found, 404 if found is None else 400 if found == {} else 200)

    def _send(self, request: BaseHTTPRequestHandler, found: Any, status: int) -> None:
        data = json.dumps(found).encode()
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(data)))
        if self.encoding:
            request.send_header("Content-Encoding", self.encoding)
        request.end_headers()
        request.wfile.write(data)

    def _tokens(self, sent: dict[str, str]) -> dict[str, Any]:
        """{} unless client and code fit, and the verifier is of the challenge that came with the code (PKCE)."""
        asked = self._asked.pop(sent.get("code", ""), None)
        digest = hashlib.sha256(sent.get("code_verifier", "").encode()).digest()
        proven = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if asked is None or asked.get("code_challenge", proven) != proven or sent.get("client_secret") != SECRET:
            return {}
        now = int(time.time())
        claims = {"iss": self.url, "aud": self.audience, "iat": now, "exp": now + 60} | self.claims
        if "nonce" in asked:
            claims["nonce"] = asked["nonce"]
        token = jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": "one"})
        return {"access_token": "a", "token_type": "Bearer", "expires_in": 60, "id_token": token}

    def __enter__(self) -> OpenIDServer:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()
