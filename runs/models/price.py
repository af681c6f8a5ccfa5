"""Dated prices of models."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from runs.models.fields import not_negative
from teams.models import Team, User


class PriceQuote(models.Model):
    """A dated price of one model, for prompts that exceed none of its ``tiers``, with the fees of a request.

    The price in force is the team's newest that has begun and not ended, else the default list's newest. A team's quote
    may have no figures of its own: then it says ``like`` which other model the model is priced, or how much less than
    the list's, or both. Quotes are never changed: a new one begins, and one that is taken back ends, because calls keep
    which one they were priced with.
    """

    TEAM_PATH = "team"

    # Null: the default list's price.
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.CASCADE, related_name="price_quotes")
    model = models.CharField(max_length=200)
    begins_at = models.DateTimeField(db_default=Now())
    until = models.DateTimeField(null=True, blank=True)  # its term, such as a contract's; null: until further notice
    ends_at = models.DateTimeField(null=True, blank=True)  # when another took its place, or the team took it back
    like = models.CharField(max_length=200, blank=True, default="", db_default="")  # another model's id
    # So much less than the price of ``like``, or of the list, fees included; below 0: so much more.
    discount_percent = models.DecimalField(max_digits=7, decimal_places=4, null=True, blank=True)
    # Null for these two: the price is reckoned from another.
    input_usd_per_mtok = models.DecimalField(max_digits=20, decimal_places=10, null=True)
    output_usd_per_mtok = models.DecimalField(max_digits=20, decimal_places=10, null=True)
    # Null for these two: as ``input_usd_per_mtok``.
    cached_usd_per_mtok = models.DecimalField(max_digits=20, decimal_places=10, null=True, blank=True)
    cache_write_usd_per_mtok = models.DecimalField(max_digits=20, decimal_places=10, null=True, blank=True)
    # Null: as ``output_usd_per_mtok``.
    reasoning_usd_per_mtok = models.DecimalField(max_digits=20, decimal_places=10, null=True, blank=True)
    # Fees; null: there is none.
    request_usd = models.DecimalField(max_digits=20, decimal_places=10, null=True, blank=True)
    search_usd = models.DecimalField(max_digits=20, decimal_places=10, null=True, blank=True)
    citation_usd_per_mtok = models.DecimalField(max_digits=20, decimal_places=10, null=True, blank=True)
    # Reserved for fees whose number only the reply tells.
    extra_reserve_usd = models.DecimalField(max_digits=20, decimal_places=10, null=True, blank=True)
    # For each second from the request to the end of the reply.
    second_usd = models.DecimalField(max_digits=20, decimal_places=10, null=True, blank=True)
    note = models.CharField(max_length=200, blank=True, default="", db_default="")  # what a team's price rests on
    source = models.CharField(max_length=80, blank=True)  # the list and its release; "": a team's own price
    made_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        verbose_name = "price"
        constraints = [
            models.UniqueConstraint(
                fields=["team", "model", "begins_at"], nulls_distinct=False, name="price_once_per_moment"
            ),
            models.CheckConstraint(
                condition=Q(
                    like="",
                    discount_percent=None,
                    input_usd_per_mtok__isnull=False,
                    output_usd_per_mtok__isnull=False,
                )
                | (
                    (~Q(like="") | Q(discount_percent__isnull=False))
                    & Q(team__isnull=False, input_usd_per_mtok=None, output_usd_per_mtok=None)
                ),
                name="price_has_figures_or_refers_to_another",
            ),
            models.CheckConstraint(
                condition=Q(discount_percent__gte=-100, discount_percent__lte=100), name="price_discount_is_a_share"
            ),
            models.CheckConstraint(condition=Q(until__gt=F("begins_at")), name="price_ends_after_it_begins"),
            *not_negative(
                "price",
                "input_usd_per_mtok",
                "output_usd_per_mtok",
                "cached_usd_per_mtok",
                "cache_write_usd_per_mtok",
                "reasoning_usd_per_mtok",
                "request_usd",
                "search_usd",
                "citation_usd_per_mtok",
                "extra_reserve_usd",
                "second_usd",
            ),
        ]
        indexes = [models.Index(fields=["model", "-begins_at"], name="price_newest")]

    def __str__(self) -> str:
        return f"{self.model} from {self.begins_at:%Y-%m-%d}"

    @property
    def discount_words(self) -> str:
        """How much less or more it is than what it is reckoned from: "7.5 % less"; "" if there is no discount."""
        if self.discount_percent is None:
            return ""
        more_or_less = "more" if self.discount_percent < 0 else "less"
        than = f" than {self.like}" if self.like else ""
        return f"{abs(self.discount_percent).normalize():f} % {more_or_less}{than}"


class PriceTier(models.Model):
    """A quote's prices for longer prompts: once a prompt exceeds ``above_tokens``, they apply to the whole request."""

    TEAM_PATH = "quote__team"

    quote = models.ForeignKey(PriceQuote, on_delete=models.CASCADE, related_name="tiers")
    above_tokens = models.BigIntegerField()
    input_usd_per_mtok = models.DecimalField(max_digits=20, decimal_places=10)
    output_usd_per_mtok = models.DecimalField(max_digits=20, decimal_places=10)
    # Null for these two: as ``input_usd_per_mtok``.
    cached_usd_per_mtok = models.DecimalField(max_digits=20, decimal_places=10, null=True, blank=True)
    cache_write_usd_per_mtok = models.DecimalField(max_digits=20, decimal_places=10, null=True, blank=True)
    # Null: as ``output_usd_per_mtok``.
    reasoning_usd_per_mtok = models.DecimalField(max_digits=20, decimal_places=10, null=True, blank=True)

    class Meta:
        ordering = ["above_tokens"]
        constraints = [
            models.UniqueConstraint(fields=["quote", "above_tokens"], name="price_tier_once_per_length"),
            models.CheckConstraint(condition=Q(above_tokens__gte=1), name="price_tier_above_one_token"),
            *not_negative(
                "price_tier",
                "input_usd_per_mtok",
                "output_usd_per_mtok",
                "cached_usd_per_mtok",
                "cache_write_usd_per_mtok",
                "reasoning_usd_per_mtok",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quote} above {self.above_tokens}"
