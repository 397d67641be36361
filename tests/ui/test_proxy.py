"""The example of a reverse proxy, run as it is written: the app works under its content security policy and asks nothing elsewhere."""

from __future__ import annotations

import datetime as dt
import shutil
import ssl
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "nginx.conf"
HOST = "audit.localhost"
"""Browsers resolve every name below localhost to this machine."""
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(NGINX is None, reason="nginx is not installed"),
]


def replaced(text: str, old: str, new: str) -> str:
    """The text with a part replaced that must be there."""
    assert old in text, old
    return text.replace(old, new)


def certify(folder: Path) -> None:
    """A certificate that nobody else trusts, for this test."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "proxy.crt").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "proxy.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, *plain))


@pytest.fixture(scope="module")
def proxy(watched: ModuleType, hostile_run: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of nginx with the example before the app, both on loopback, both as whoever runs the tests."""
    assert NGINX is not None
    folder = tmp_path_factory.mktemp("proxy")
    certify(folder)
    port, plain, app = watched.free_port(), watched.free_port(), watched.free_port()
    example = EXAMPLE.read_text(encoding="utf-8")
    for old, new in {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "listen 80": f"listen 127.0.0.1:{plain}",
        "/etc/ssl/audit.example.org.crt": str(folder / "proxy.crt"),
        "/etc/ssl/audit.example.org.key": str(folder / "proxy.key"),
        "audit.example.org": HOST,
        "127.0.0.1:8501": f"127.0.0.1:{app}",
    }.items():
        example = replaced(example, old, new)
    (folder / "site.conf").write_text(example, encoding="utf-8")
    temporary = " ".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log; events {{}}\n"
        f"http {{ access_log off; include /etc/nginx/mime.types; {temporary} include {folder}/site.conf; }}\n",
        encoding="utf-8",
    )
    options = ("--server.allowedHosts", HOST, "--server.corsAllowedOrigins", f"https://{HOST}:{port}")
    with watched.serving(hostile_run.root, port=app, options=options):
        process = subprocess.Popen([NGINX, "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")])
        try:
            wait_for(port, process)
            yield f"https://{HOST}:{port}"
        finally:
            process.terminate()
            process.wait(timeout=20)


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        assert process.poll() is None, "nginx ended"
        try:
            asked(f"https://127.0.0.1:{port}", "/_stcore/health")
        except (URLError, OSError):
            time.sleep(0.1)
        else:
            return
    raise AssertionError("nginx did not answer")


def asked(address: str, path: str) -> Any:
    """The answer to a request, its certificate unchecked."""
    anybody = ssl.create_default_context()
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    with urllib.request.urlopen(address + path, timeout=5, context=anybody) as answer:
        return answer


def test_the_app_works_under_the_policy_of_the_example(
    watched: ModuleType, chromium: Any, proxy: str, hostile_run: Any
) -> None:
    seen = watched.fresh_page(chromium, proxy, ignore_https_errors=True)
    seen.page.add_init_script(
        "window.refused = []; addEventListener('securitypolicyviolation', e => refused.push(e.violatedDirective + ' ' + e.blockedURI))"
    )
    page = seen.open("/")
    page.get_by_role("link", name=hostile_run.name).click()
    page.get_by_role("heading", name=hostile_run.name, level=1).wait_for()
    seen.settle()
    assert page.evaluate("refused") == []
    for name, drawn in (("fairness", ".vega-embed canvas, .vega-embed svg"), ("explanations", ".literal")):
        seen.open(f"/{name}?run={hostile_run.run_id}")
        page.locator(drawn).first.wait_for()
        assert page.evaluate("refused") == []
    # Chromium begins a request anew for each connection whose certificate it is told to overlook, and under load gives up counting.
    assert [error for error in seen.errors if "ERR_TOO_MANY_RETRIES" not in error] == []
    assert [url for url in seen.outside if urlsplit(url).hostname != HOST] == []


def test_the_policy_refuses_what_it_should(watched: ModuleType, chromium: Any, proxy: str) -> None:
    page = watched.fresh_page(chromium, proxy, ignore_https_errors=True).open("/")
    # Later, because what the driver itself evaluates is let through.
    later = "new Promise(done => setTimeout(() => { try { done(eval('1')) } catch (error) { done(error.name) } }))"
    assert page.evaluate(later) == "EvalError"
    other = "fetch('https://127.0.0.1:9/').then(() => 'sent', error => error.message)"
    refused = (
        "new Promise(done => { addEventListener('securitypolicyviolation', e => done(e.effectiveDirective)); %s })"
    )
    assert page.evaluate(refused % other) == "connect-src"
    inline = "const s = document.createElement('script'); s.textContent = 'window.owned = 1'; document.body.append(s)"
    assert page.evaluate(refused % inline) == "script-src-elem"
    assert page.evaluate("window.owned") is None


def test_headers_come_with_every_answer(proxy: str) -> None:
    address = proxy.replace(HOST, "127.0.0.1")
    headers = asked(address, "/_stcore/health").headers
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "'unsafe-eval'" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    with pytest.raises(URLError, match="404"):
        asked(address, "/_stcore/metrics")
