"""A server of TLS with a certificate that nobody trusts: it notes the names that it is asked for."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


class TlsServer:
    """``names``: the server names of the clients' greetings, in order."""

    def __init__(self, host: str) -> None:
        self.names: list[str | None] = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with TemporaryDirectory() as folder:
            context.load_cert_chain(_certificate(Path(folder)))
        context.sni_callback = lambda connection, name, _: self.names.append(name)  # type: ignore[assignment]
        self._listening = socket.create_server((host, 0))
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._serve, args=[context], daemon=True).start()

    def _serve(self, context: ssl.SSLContext) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with suppress(OSError), context.wrap_socket(connection, server_side=True):
                pass

    def close(self) -> None:
        self._listening.close()


@contextmanager
def tls_server(host: str) -> Iterator[TlsServer]:
    server = TlsServer(host)
    try:
        yield server
    finally:
        server.close()


def _certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "secure.test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("secure.test")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "both.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return pem
