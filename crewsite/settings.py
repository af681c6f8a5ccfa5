"""Settings, all from the environment. They are safe by default; ``make up`` loosens what may be loosened locally."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from crewsite import env, secret_strength, sign_in_providers
from crewsite.logs import lines

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = BASE_DIR / env.text("DATA_DIR", ".crewsite")

LOCAL = env.flag("CREWSITE_LOCAL", default=False)
"""True under ``make up`` and in tests: the person at the keyboard is the operator."""
DEBUG = env.flag("DEBUG", default=False)
PROCESS = env.text("CREWSITE_PROCESS", "other")
"""``web``, ``worker`` or ``other``: decides how the database is connected to."""


def _required(name: str, what: str) -> str:
    if not env.text(name):
        raise ImproperlyConfigured(
            f"Set {name} to {what}. 'make up' makes and keeps one of its own (README, team server)."
        )
    return env.text(name)


DATABASE_URL = _required("DATABASE_URL", "postgresql://user:password@host/name")
SECRET_KEY = _required("SECRET_KEY", "a long random text")
ENCRYPTION_KEYS = _required("ENCRYPTION_KEYS", "one or more Fernet keys, the newest first").replace(",", " ").split()
if PROCESS in ("web", "worker") and not (LOCAL or DEBUG):
    secret_strength.refuse_weak(SECRET_KEY, ENCRYPTION_KEYS)

HOST = env.text("HOST", "127.0.0.1")
PORT = int(env.number("PORT", 8000, least=1, most=65535))
PUBLIC_URL = env.origin("PUBLIC_URL", f"http://{'127.0.0.1' if HOST == '0.0.0.0' else HOST}:{PORT}")  # noqa: S104
SECURE = PUBLIC_URL.startswith("https://")
ALLOWED_HOSTS = list(env.names("ALLOWED_HOSTS")) or (["*"] if LOCAL else [env.host_of(PUBLIC_URL)])
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
BEHIND_PROXY = env.flag("BEHIND_PROXY", default=SECURE)
"""True: a proxy of ours writes ``X-Forwarded-Proto``, and the client's address last in ``X-Forwarded-For``.

By default whenever people come by https, which this server itself does not speak.
"""
PROXY_ADDRESSES = env.names("PROXY_ADDRESSES") or ("127.0.0.1", "::1")
"""Whose word is taken for where a request comes from."""
MAX_CONNECTIONS = int(env.number("MAX_CONNECTIONS", 1000, least=10, most=100_000))
CONNECTIONS_PER_ADDRESS = int(env.number("CONNECTIONS_PER_ADDRESS", 0 if LOCAL or BEHIND_PROXY else 100, most=100_000))
"""At once, in one web process; 0 is no bound. A proxy's connections, and those of one machine, have one address."""
REQUEST_PATIENCE_S = env.number("REQUEST_PATIENCE_S", 10, least=1, most=600)
"""For a request's head, and for a body that comes at less than a kilobyte a second."""
KEEP_ALIVE_S = env.number("KEEP_ALIVE_S", 75 if BEHIND_PROXY else 15, least=1, most=600)
"""Longer than proxies keep an idle connection: else they send a request into one that is being closed."""

ALLOWED_PRIVATE_HOSTS = frozenset(host.lower() for host in env.names("ALLOWED_PRIVATE_HOSTS"))
ALLOWED_MCP_COMMANDS = frozenset(env.names("ALLOWED_MCP_COMMANDS"))
ALLOW_LOCAL_PROVIDERS = LOCAL
SIMULATED_PACE = env.number("SIMULATED_PACE", 1, most=100)

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django_htmx",
    "csp",
    "ninja",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.socialaccount.providers.github",
    "teams",
    "agents_app",
    "runs",
]

MIDDLEWARE = [
    "crewsite.logs.request_log.request_log",
    "crewsite.health.views.answer_machines",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "crewsite.clean_request.clean_request",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "crewsite.methods.methods",
    "crewsite.errors.refusals",
]

ROOT_URLCONF = "crewsite.urls"
ASGI_APPLICATION = "crewsite.asgi.application"
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
                "crewsite.templatetags.addresses",
                "crewsite.templatetags.content",
                "crewsite.templatetags.parts",
                "runs.templatetags.changes",
                "runs.templatetags.checks",
                "runs.templatetags.money",
                "runs.templatetags.times",
                "runs.templatetags.turns",
                "runs.templatetags.words",
            ],
        },
    }
]

WEB_PROCESSES = int(env.number("WEB_PROCESSES", 1, least=1, most=64))
DATABASE_CONNECTIONS = int(env.number("DATABASE_CONNECTIONS", 10, least=6, most=500))
"""The most that a worker opens for its work, and a web process for its own, signing in aside."""
PAGE_THREADS = DATABASE_CONNECTIONS - 5
"""What is left of a web process's connections: one opens live streams, two follow them, two ask who sends a body."""
SIGN_IN_THREADS = 4
"""While one of them has a password hashed, the others come to that or from it."""
WEB_CONNECTIONS = DATABASE_CONNECTIONS + SIGN_IN_THREADS + 2
"""Of the two one looks whether the readers of live streams may still read, the other reads runs for files."""
LIVE_STREAMS = int(env.number("LIVE_STREAMS", 200, least=1, most=10_000))
"""The most live streams that one web process keeps open."""
API_REQUESTS_PER_MINUTE = int(env.number("API_REQUESTS_PER_MINUTE", 6_000 if LOCAL else 600, most=10_000_000))
"""Of one token; 0 is no limit."""
STATEMENT_TIMEOUT_S = env.number("STATEMENT_TIMEOUT_S", 30 if PROCESS == "web" else 120, least=1, most=3600)
"""For web and worker processes alone: migrations and checks of the books take as long as they take."""
_database = env.database(DATABASE_URL) | {
    "CONN_HEALTH_CHECKS": True
}  # a cut connection is noticed before a request fails by it
if PROCESS in ("web", "worker"):
    # A process that freezes or is cut off in mid transaction goes on holding its locks, on runs and on a team's bill,
    # and the writers and lease keepers of all others wait for them. So its transaction ends well before those would
    # have to give up their runs.
    _bounds = {"idle_in_transaction_session_timeout": 8_000, "statement_timeout": round(1000 * STATEMENT_TIMEOUT_S)}
    _set = [f"-c {name}={milliseconds}" for name, milliseconds in _bounds.items()]
    # PostgreSQL's own 4 is for disks that have to seek. With it the newest runs of a version were looked for among all
    # runs of the installation, in the order in which they lie on the disk.
    _set.append("-c random_page_cost=1.1")
    _database["OPTIONS"]["options"] = " ".join([*_set, _database["OPTIONS"].get("options", "")]).strip()
    # Connections come from a bounded pool and are not kept one per thread: a worker has more threads than the database
    # has connections. A web process has as many at most, so a request waits for one only while the database is away.
    _database["OPTIONS"]["pool"] = {
        "min_size": 1,
        "max_size": WEB_CONNECTIONS if PROCESS == "web" else DATABASE_CONNECTIONS,
        "timeout": 3 if PROCESS == "web" else 10,
    }
else:
    _database |= {"CONN_MAX_AGE": 60}
DATABASES = {"default": _database}

AUTH_USER_MODEL = "teams.User"
LOGIN_URL = "signin"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "signin"
PASSWORD_HASHERS = ["teams.guessing.hashing.BoundedHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
ACCOUNT_ADAPTER = "teams.signin.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_TIMEOUT = 300
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # strangers could have mails sent to anybody; the time is the same all the same
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 300
ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED = True
ACCOUNT_PASSWORD_RESET_BY_CODE_TIMEOUT = 600
ACCOUNT_REAUTHENTICATION_METHODS = ["password", "mfa", "code"]
ACCOUNT_REAUTHENTICATION_TIMEOUT = 900
"""Seconds after which somebody has to prove again who they are before they change how they sign in."""
ACCOUNT_RATE_LIMITS = False  # they need a cache that all processes share; ``teams.signin.limits`` counts in PostgreSQL
ACCOUNT_SESSION_REMEMBER = True
MFA_ADAPTER = "teams.signin.second_factor.MFAAdapter"
MFA_RATE_LIMITS = False
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_TOLERANCE = 1
MFA_FORMS = {
    "authenticate": "teams.signin.second_factor.CodeForm",
    "reauthenticate": "teams.signin.second_factor.AgainCodeForm",
    "activate_totp": "teams.signin.second_factor.AppForm",
}
USERSESSIONS_ADAPTER = "allauth.usersessions.adapter.DefaultUserSessionsAdapter"
SOCIALACCOUNT_ADAPTER = "teams.signin.social.SocialAdapter"
SOCIALACCOUNT_PROVIDERS = sign_in_providers.from_environment()
SOCIALACCOUNT_ONLY = False
SOCIALACCOUNT_EMAIL_AUTHENTICATION = True
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
"""An account elsewhere is its person's here if the other side confirmed the same address, as a mailed code would."""
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_LOGIN_ON_GET = False
SOCIALACCOUNT_REQUESTS_TIMEOUT = 5

SESSION_ENGINE = "crewsite.sessions"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"  # Strict would sign people out of every link that they follow from chat or mail
CSRF_COOKIE_SAMESITE = "Strict"
SESSION_COOKIE_AGE = 30 * 24 * 3600
SESSION_COOKIE_NAME = "crewsite_session"
CSRF_COOKIE_NAME = "crewsite_csrf"
CSRF_FAILURE_VIEW = "crewsite.errors.csrf_failure"
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # HSTS for subdomains: they may belong to others
    "security.W008",  # redirects to https: the proxy's part, which would go in circles with one that does not say how
    "security.W021",  # HSTS preload: lasts for years, and is the domain's owner's to decide
]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
    }
}

DATA_UPLOAD_MAX_MEMORY_SIZE = 4_000_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5_000
DATA_UPLOAD_MAX_NUMBER_FILES = 1_000  # a project that is imported as a folder; Django reads 100

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False  # pages are in English; looking for translations would be a seventh of the time of a page
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static", BASE_DIR / "node_modules" / ".assets"]
FINGERPRINTED_STATIC = not env.flag("PLAIN_STATIC", default=DEBUG)
"""False serves static files from their sources, without collecting them first: for tests and for work on them."""
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if FINGERPRINTED_STATIC
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not FINGERPRINTED_STATIC
WHITENOISE_AUTOREFRESH = not FINGERPRINTED_STATIC

EMAIL_READY = bool(env.text("EMAIL_URL"))
"""False: no mail is sent, and the pages say so."""
if EMAIL_READY:
    globals().update(env.mail(env.text("EMAIL_URL")))
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_READY else 'dummy'}.EmailBackend"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("EMAIL_FROM", f"Crewsite <crewsite@{urlsplit(PUBLIC_URL).hostname}>")

CELERY_BROKER_URL = env.text("BROKER_URL") or "pgmq://" + DATABASE_URL.split("://", 1)[1]
CELERY_TASK_DEFAULT_QUEUE = "runs"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_TIMEOUT = 2
_ON_POSTGRES: dict[str, bool | int | str] = {
    "init_extension": False,
    "use_notify": True,
    "notify_throttle_interval_ms": 0,
    "wait_time_seconds": 0,
    "pool_size": 4,
    "pool_timeout": 2,
    "visibility_timeout": 3600,
}
_ON_OTHERS: dict[str, bool | int | str] = {"visibility_timeout": 3600, "socket_connect_timeout": 2, "socket_timeout": 5}
if CELERY_BROKER_URL.startswith("pgmq"):
    CELERY_BROKER_TRANSPORT = "runs.worker.postgres_broker:Transport"
    # Given as one string, because pgmq's client prefers DATABASE_URL to separate parts.
    _ON_POSTGRES["conn_string"] = "postgresql://" + CELERY_BROKER_URL.split("://", 1)[1]
CELERY_BROKER_TRANSPORT_OPTIONS = _ON_POSTGRES if CELERY_BROKER_URL.startswith("pgmq") else _ON_OTHERS
SHUTDOWN_GRACE_S = env.number("SHUTDOWN_GRACE_S", 25, most=3600)
WORKER_CONCURRENCY = int(env.number("WORKER_CONCURRENCY", 64, least=1, most=1000))

METRICS_TOKEN = env.text("METRICS_TOKEN")
"""The bearer token that may read ``/metrics``. Without one that is open under ``make up`` and closed elsewhere."""
METRICS_PORT = int(env.number("METRICS_PORT", 0, most=65535))
METRICS_HOST = env.text("METRICS_HOST", "127.0.0.1")
"""Where a worker serves its metrics; with port 0 it does not."""

LOGGING_CONFIG = "crewsite.logs.lines.configure"
LOGGING = lines.settings_of(
    level=env.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")),
    form=env.choice("LOG_FORMAT", "line" if LOCAL else "json", ("json", "line")),
)
