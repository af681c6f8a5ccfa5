"""Django's settings. Everything that differs between installations is read from the environment (see .env.example)."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from crewsite import broker, env, logs
from crewsite.local_env import data_dir, own_url, use_local_environment

use_local_environment()
BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = data_dir()

# --- Where and for whom -------------------------------------------------------------------------------------------
DEBUG = env.flag("DEBUG")
LOCAL = env.flag("CREWSITE_LOCAL")  # set by `make up`: the person at the keyboard runs this installation
HOST = env.text("HOST", "127.0.0.1")
PORT = env.integer("PORT", 8000, least=1, most=65535)
PUBLIC_URL = env.url("PUBLIC_URL", own_url(HOST, PORT), schemes=("http", "https")).rstrip("/")
HTTPS = PUBLIC_URL.startswith("https://")
ALLOWED_HOSTS = [
    *env.words("ALLOWED_HOSTS"),
    urlsplit(PUBLIC_URL).hostname or "",
    *["localhost", "127.0.0.1", "[::1]", HOST, socket.gethostname()],
]
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

# Private hosts that tools may call; `make up` also lets providers be on this machine (Ollama and the like).
ALLOWED_PRIVATE_HOSTS = frozenset(host.lower() for host in env.words("ALLOWED_PRIVATE_HOSTS"))
ALLOW_LOCAL_PROVIDERS = LOCAL
SIMULATED_LATENCY_S = env.number("SIMULATED_LATENCY_S", 1.5, least=0, most=600)

# --- Secrets ------------------------------------------------------------------------------------------------------
SECRET_KEY = env.text("SECRET_KEY")
if not SECRET_KEY:
    raise ImproperlyConfigured("SECRET_KEY is not set. `make up` keeps one of its own; a server needs it set.")
ENCRYPTION_KEYS = env.words("ENCRYPTION_KEYS")  # newest first: it seals; all of them open

# --- Apps ---------------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "crewsite",
    "teams",
    "agents_app",
    "runs",
    "ninja",
    "django_htmx",
    "csp",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
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
LOGIN_URL = "signin"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "signin"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en"
USE_I18N = False
TIME_ZONE = "UTC"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "crewsite.context.site",
            ],
            "builtins": [
                "django.templatetags.static",
                "crewsite.templatetags.parts",
                "crewsite.templatetags.content",
            ],
        },
    },
]

# --- Database and broker ------------------------------------------------------------------------------------------
DATABASE_URL = env.text("DATABASE_URL")
DATABASES: dict[str, dict[str, Any]] = {"default": env.database(DATABASE_URL)}
SERVES_PAGES = env.text("CREWSITE_PROCESS") == "web"
if SERVES_PAGES:  # one thread per request: the pool caps the connections
    DATABASES["default"]["OPTIONS"]["pool"] = {"min_size": 2, "max_size": 16, "timeout": 10}
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 60

BROKER_URL = env.url("BROKER_URL", "pgmq://", schemes=("pgmq", "redis", "rediss", "amqp", "amqps", "memory"))
CELERY_BROKER_URL = broker.address(BROKER_URL, database_url=DATABASE_URL)
_PATIENCE_S = 1 if SERVES_PAGES else 3  # a page does not wait for a broker that hangs
CELERY_BROKER_TRANSPORT_OPTIONS = broker.transport_options(CELERY_BROKER_URL, patience_s=_PATIENCE_S)
CELERY_BROKER_CONNECTION_TIMEOUT = _PATIENCE_S
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a worker waits for its broker for ever; pages do not (see broker)
CELERY_BROKER_POOL_LIMIT = 2
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_DEFAULT_QUEUE = "crewsite_runs"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_STORE_ERRORS_EVEN_IF_IGNORED = False
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
WORKER_CONCURRENCY = env.integer("WORKER_CONCURRENCY", 50, least=1, most=1000)

# --- Sessions, cookies, headers -----------------------------------------------------------------------------------
# Browsers share cookies between the ports of a host: two installations on one machine need two names.
_PREFIX = "__Host-crewsite" if HTTPS else f"crewsite-{PORT}"
SESSION_COOKIE_NAME = f"{_PREFIX}-session"
CSRF_COOKIE_NAME = f"{_PREFIX}-csrf"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Strict"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
CSRF_FAILURE_VIEW = "crewsite.errors.csrf_failure"
SECURE_REFERRER_POLICY = "same-origin"
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
LOGGING = logs.configuration(level=env.text("LOG_LEVEL", "INFO"), as_json=env.text("LOG_FORMAT") == "json")

# --- Static files: ours from git, everybody else's from packages --------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "crewsite.assets.PackageFinder",
]
# Address: the folder that it comes from (a Python package, or one in node_modules) and the file there.
STATIC_PACKAGES = {
    "tabler/css/tabler.min.css": ("@tabler/core", "dist/css/tabler.min.css"),
    "django_htmx/htmx-2.min.js": ("django_htmx", "static/django_htmx/htmx-2.min.js"),
    "django_htmx/ext/hx-sse-2.min.js": ("django_htmx", "static/django_htmx/ext/hx-sse-2.min.js"),
    "ninja/swagger-ui.css": ("ninja", "static/ninja/swagger-ui.css"),
    "ninja/swagger-ui-bundle.js": ("ninja", "static/ninja/swagger-ui-bundle.js"),
    "ninja/swagger-ui-init.js": ("ninja", "static/ninja/swagger-ui-init.js"),
    "ninja/favicon.svg": ("ninja", "static/ninja/favicon.svg"),
    "ninja/favicon.png": ("ninja", "static/ninja/favicon.png"),
}
# Hashed names need collectstatic, which `make up` and the image run; tests and `DEBUG` read the files where they are.
HASHED_STATIC = env.flag("HASHED_STATIC", default=not DEBUG)
WHITENOISE_USE_FINDERS = not HASHED_STATIC
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "crewsite.assets.HashedFiles"
        if HASHED_STATIC
        else "django.contrib.staticfiles.storage.StaticFilesStorage",
    },
}
