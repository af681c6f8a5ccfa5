"""Django's settings. Everything that differs between installations is read from the environment (see .env.example)."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from crewsite import broker, data_dir, database, env, logs

ROOT = data_dir.ROOT
DATA_DIR = data_dir.path()

# --- Where and for whom -------------------------------------------------------------------------------------------
DEBUG = env.flag("DEBUG")
LOCAL = env.flag("CREWSITE_LOCAL")  # set by `make up`: the person at the keyboard runs this installation
HOST = env.text("HOST", "127.0.0.1")
PORT = env.integer("PORT", 8000, least=1, most=65535)
SITE_URL = env.url("SITE_URL", schemes=("http", "https")).rstrip("/")
HTTPS = SITE_URL.startswith("https://")
ALLOWED_HOSTS = [
    *env.words("ALLOWED_HOSTS"),
    *filter(None, [urlsplit(SITE_URL).hostname]),
    *["localhost", "127.0.0.1", "[::1]", HOST, socket.gethostname()],
]
CSRF_TRUSTED_ORIGINS = [SITE_URL] if SITE_URL else []

# Private hosts that tools may call; `make up` also lets providers be on this machine (Ollama and the like).
ALLOWED_PRIVATE_HOSTS = frozenset(host.lower() for host in env.words("ALLOWED_PRIVATE_HOSTS"))
ALLOW_LOCAL_PROVIDERS = LOCAL

# --- Secrets ------------------------------------------------------------------------------------------------------
SECRET_KEY = env.text("SECRET_KEY") or data_dir.read(data_dir.SECRET_KEY)
if not SECRET_KEY:
    raise ImproperlyConfigured("SECRET_KEY is not set. `make up` keeps one of its own; a server needs it set.")
# Newest first; provider keys are sealed with the first and opened with any.
ENCRYPTION_KEYS = env.words("ENCRYPTION_KEYS") or tuple(data_dir.read(data_dir.ENCRYPTION_KEYS).split())

# --- Apps ---------------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "crewsite",
    "teams",
    "agents_app",
    "runs",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django_htmx",
    "csp",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "crewsite.arrival.ArrivalMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "crewsite.urls"
ASGI_APPLICATION = "crewsite.asgi.application"
AUTH_USER_MODEL = "teams.User"
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign_in"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- Database and broker ------------------------------------------------------------------------------------------
DATABASE_URL = env.url("DATABASE_URL", schemes=("postgresql", "postgres")) or data_dir.read(data_dir.DATABASE_URL)
DATABASES = {"default": database.settings(DATABASE_URL, pooled=env.flag("CREWSITE_WEB"))}
BROKER_URL = env.url("BROKER_URL", broker.DEFAULT_URL, schemes=("pgmq", "redis", "rediss", "amqp", "amqps"))
CELERY = broker.celery_settings(BROKER_URL, database_url=DATABASE_URL)

# --- Sessions, cookies, headers -----------------------------------------------------------------------------------
# Browsers share cookies between the ports of a host: two installations on one machine need two names.
_PREFIX = "__Host-crewsite" if HTTPS else f"crewsite-{PORT}"
SESSION_COOKIE_NAME = f"{_PREFIX}-session"
CSRF_COOKIE_NAME = f"{_PREFIX}-csrf"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Strict"
SESSION_COOKIE_AGE = 14 * 24 * 3600
CSRF_FAILURE_VIEW = "crewsite.errors.csrf_failure"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
    },
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024
FILE_UPLOAD_PERMISSIONS = 0o600

# --- Static files: ours from git, everybody else's from packages --------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
]
