"""``{% url %}`` and ``{% static %}`` that remember: the same view and arguments, or file, have the same address always.

A page has some thirty of them, and Django works each out anew.
"""

from __future__ import annotations

from functools import lru_cache

from django import template
from django.contrib.staticfiles.storage import staticfiles_storage
from django.template.base import Node, Parser, Token
from django.template.context import Context
from django.template.defaulttags import URLNode
from django.template.defaulttags import url as django_url
from django.templatetags.static import StaticNode
from django.urls import get_script_prefix, get_urlconf, reverse
from django.utils.html import escape
from django.utils.safestring import SafeString

register = template.Library()


@register.tag
def url(parser: Parser, token: Token) -> Node:
    """As Django's own."""
    node = django_url(parser, token)
    return Address(node.view_name, node.args, node.kwargs, node.asvar)


@register.tag
def static(parser: Parser, token: Token) -> Node:
    """As Django's own."""
    return StaticAddress.handle_token(parser, token)


class Address(URLNode):
    def render(self, context: Context) -> str:
        view = self.view_name.resolve(context)
        if self.asvar or self.args or ":" in view or not context.autoescape:
            return super().render(context)
        arguments = tuple([(name, str(value.resolve(context))) for name, value in self.kwargs.items()])
        return _address(view, arguments, get_script_prefix(), get_urlconf())


class StaticAddress(StaticNode):
    def url(self, context: Context) -> str:
        return _static_address(self.path.resolve(context))


@lru_cache(maxsize=5_000)
def _address(view: str, arguments: tuple[tuple[str, str], ...], prefix: str, urlconf: str | None) -> SafeString:
    """Escaped. ``prefix`` and ``urlconf`` are those of the request, on which ``reverse`` depends as well."""
    return escape(reverse(view, urlconf, kwargs=dict(arguments)))


@lru_cache(maxsize=500)
def _static_address(path: str) -> str:
    address: str = staticfiles_storage.url(path)
    return address
