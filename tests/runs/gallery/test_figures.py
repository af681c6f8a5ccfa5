"""What cards of templates say equals what SQL over the runs themselves says, in a fixed number of queries."""

from __future__ import annotations

import random
from typing import Any

import pytest
from django.db import connection

from agents_app.actions import cut_version, replace_spec
from agents_app.gallery.actions import copy_template, share
from agents_app.gallery.origin import origin_of
from agents_app.gallery.texts import TemplateTexts
from agents_app.models import Crew, CrewVersion, Template
from agents_app.snapshot import spec_of
from runs.gallery import figures as module
from runs.gallery.asked import asked
from runs.gallery.figures import figures_of_contents, median_costs
from runs.gallery.lineage import lineage_of
from runs.gallery.page import gallery, template_page
from runs.gallery.saving import Saving, saving_of
from runs.gallery.spread import spread
from runs.ratings.actions import rate
from runs.states import RunState
from teams.models import User
from tests.cast import Cast, brief_spec, make_crew, owner_of
from tests.ledger import make_run, unsaved_run

pytestmark = pytest.mark.django_db

STATES = (RunState.SUCCEEDED, RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED, RunState.RUNNING)
BY_HAND = """
    SELECT count(*), count(*) FILTER (WHERE state = 'succeeded'),
        count(*) FILTER (WHERE state IN ('succeeded', 'failed', 'cancelled')),
        percentile_disc(0.5) WITHIN GROUP (ORDER BY spent_nusd)
            FILTER (WHERE finished_at IS NOT NULL AND unpriced_calls = 0),
        percentile_disc(0.95) WITHIN GROUP (ORDER BY spent_nusd)
            FILTER (WHERE finished_at IS NOT NULL AND unpriced_calls = 0),
        percentile_disc(0.5) WITHIN GROUP (ORDER BY round(1000 * extract(epoch FROM finished_at - started_at)))
            FILTER (WHERE finished_at IS NOT NULL),
        percentile_disc(0.95) WITHIN GROUP (ORDER BY round(1000 * extract(epoch FROM finished_at - started_at)))
            FILTER (WHERE finished_at IS NOT NULL),
        sum(rating_sum), sum(rating_count)
    FROM runs_run WHERE simulated = %s AND team_id = %s AND version_id = ANY(%s)
"""


def edited(crew: Crew, **changes: Any) -> Crew:
    crew = Crew.objects.get(pk=crew.pk)
    return replace_spec(
        owner_of(crew), crew, expected_revision=crew.revision, spec=spec_of(crew).model_copy(update=changes)
    )


def shared(cast: Cast, crew: Crew, title: str = "Brief", **changes: Any) -> Template:
    crew = edited(crew, **changes) if changes else crew
    return share(cast.editor, cut_version(crew, by=cast.editor.user), TemplateTexts(title))


def by_hand(cast: Cast, versions: list[int], simulated: bool) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(BY_HAND, [simulated, cast.team.pk, versions])
        return tuple(cursor.fetchone())


def test_a_card_equals_sql_over_the_runs_of_the_version_and_its_unchanged_copies(cast: Cast, crew: Crew) -> None:
    template = shared(cast, crew)
    copies = [copy_template(cast.editor, template) for _ in "ab"]
    changed = edited(copy_template(cast.editor, template), description="Changed")
    other = make_crew(cast.stranger)
    chance = random.Random(7)
    for nth in range(60):
        fields = {"usd": chance.random(), "seconds": chance.uniform(0, 90), "state": chance.choice(STATES)}
        fields |= {"simulated": nth % 3 == 0, "unpriced_calls": int(nth % 7 == 0)}
        run = make_run(cast.owner, chance.choice([crew, *copies]), **fields)
        if run.state == RunState.SUCCEEDED and nth % 5 == 0:
            rate(cast.owner, run, stars=chance.randint(1, 5))
    for elsewhere in (changed, edited(crew, description="Later")):
        make_run(cast.owner, elsewhere, usd=500, seconds=5000)
    make_run(cast.stranger, other, usd=500)
    assert CrewVersion.objects.get(crew=other).content_hash == template.version.content_hash
    (found,) = figures_of_contents(cast.viewer, [template.version.content_hash, "none"]).values()
    same = list(
        CrewVersion.objects.filter(crew__in=[crew, *copies], content_hash=template.version.content_hash).values_list(
            "pk", flat=True
        )
    )
    assert len(same) == 3
    for kind, simulated in ((found.real, False), (found.simulated, True)):
        assert kind is not None
        said = (kind.runs, kind.succeeded, kind.ended, kind.median_nusd, kind.p95_nusd, kind.median_ms, kind.p95_ms)
        assert (*said, kind.rating_sum, kind.rating_count) == by_hand(cast, same, simulated)
    page = gallery(cast.viewer, asked({}))
    assert [card.figures for card in page.cards] == [found]
    assert {card.template.pk for card in page.cards} == {template.pk}


def test_only_the_newest_runs_are_read_whichever_copys_they_are(
    cast: Cast, crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_RUNS", 2)
    template = shared(cast, crew)
    copy = copy_template(cast.editor, template)
    for usd, whose in ((9, crew), (1, copy), (3, crew)):
        make_run(cast.owner, whose, usd=usd)
    (found,) = figures_of_contents(cast.viewer, [template.version.content_hash]).values()
    assert found.real is not None
    assert (found.real.runs, found.real.median_nusd, found.real.p95_nusd) == (2, 10**9, 3 * 10**9)
    assert found.real.is_cut


def test_a_cost_is_that_of_real_runs_once_one_is_known(cast: Cast, crew: Crew) -> None:
    content = shared(cast, crew).version.content_hash
    assert median_costs(cast.viewer, [content]) == {}
    make_run(cast.owner, crew, usd=0.5, simulated=True)
    make_run(cast.owner, crew, usd=0.1, unpriced_calls=1)
    assert median_costs(cast.viewer, [content]) == {content: 500_000_000}
    make_run(cast.owner, crew, usd=0.2)
    assert median_costs(cast.viewer, [content]) == {content: 200_000_000}


def test_runs_without_an_end_or_a_price_have_no_median(cast: Cast, crew: Crew) -> None:
    template = shared(cast, crew)
    make_run(cast.owner, crew, state=RunState.RUNNING)
    make_run(cast.owner, crew, unpriced_calls=1, simulated=True, usd=0.5)
    (found,) = figures_of_contents(cast.viewer, [template.version.content_hash]).values()
    assert found.real is not None
    assert found.simulated is not None
    assert (found.real.ended, found.real.median_nusd, found.real.median_ms, found.real.ok_percent) == (
        0,
        None,
        None,
        "",
    )
    assert (found.simulated.median_nusd, found.simulated.priced) == (None, 0)
    assert median_costs(cast.viewer, [template.version.content_hash]) == {}


@pytest.fixture
def many(cast: Cast) -> list[Template]:
    """200 templates; the nth cost n cents where it was run at all, by real runs if n is even."""
    made = []
    for nth in range(200):
        spec = brief_spec(model="gpt-4o" if nth % 10 == 0 else "gpt-4o-mini").model_copy(update={"name": f"Crew {nth}"})
        crew = Crew(team=cast.team, slug=f"crew-{nth}", name=spec.name)
        crew.save()
        version = CrewVersion.objects.create(crew=crew, number=1, spec=spec.to_json(), content_hash=spec.content_hash)
        tags = ("even",) if nth % 2 == 0 else ("odd",)
        made.append(share(cast.editor, version, TemplateTexts(f"Template {nth:03}", "A hundred % sure", tags)))
    return made


def test_two_hundred_templates_take_as_many_queries_as_one(
    cast: Cast, many: list[Template], django_assert_num_queries: Any
) -> None:
    for template in many[:40]:
        run = make_run_of(cast, template, usd=0.01 * many.index(template), simulated=many.index(template) % 2 == 1)
        assert run.spent_nusd >= 0
    with django_assert_num_queries(QUERIES):
        page = gallery(cast.viewer, asked({}))
    assert (page.found, page.all, len(page.cards), page.next) == (200, 200, 18, 18)
    with django_assert_num_queries(QUERIES + 1):
        page = gallery(cast.viewer, asked({"cost": "0.05", "sort": "cost"}))
    assert [card.template.title for card in page.cards] == [f"Template {nth:03}" for nth in range(6)]
    kinds = [card.figures.simulated if nth % 2 else card.figures.real for nth, card in enumerate(page.cards)]
    assert [kind and kind.median_nusd for kind in kinds] == [nth * 10**7 for nth in range(6)]
    last = gallery(cast.viewer, asked({"from": "192"}))
    assert (len(last.cards), last.next, last.previous) == (8, None, 174)
    assert gallery(cast.viewer, asked({"tag": "Odd"})).found == 100
    assert gallery(cast.viewer, asked({"model": "gpt-4o"})).found == 20
    assert gallery(cast.viewer, asked({"tag": "odd", "model": "gpt-4o"})).found == 0
    assert gallery(cast.viewer, asked({"q": "hundred template 04"})).found == 12
    assert gallery(cast.viewer, asked({"q": "50 % off"})).found == 0
    assert gallery(cast.viewer, asked({"sort": "newest"})).cards[0].template.title == "Template 199"
    assert gallery(cast.stranger, asked({})).all == 0


QUERIES = 8
"""Five bound the search's time; the others read lines, figures and cards, and costs where they narrow."""


def make_run_of(cast: Cast, template: Template, **fields: Any) -> Any:
    usd = fields.pop("usd")
    run = unsaved_run(cast.owner, template.version, state=RunState.SUCCEEDED, usd=usd, **fields)
    run.save(force_insert=True)
    return run


def test_the_tree_of_copies_has_the_cost_of_each_and_no_other_teams(
    cast: Cast, crew: Crew, django_assert_num_queries: Any
) -> None:
    template = shared(cast, crew)
    child = copy_template(cast.editor, template)
    make_run(cast.owner, child, usd=2)
    changed = edited(child, description="Changed")
    grandchild = copy_template(cast.owner, shared(cast, changed, "Child"))
    sibling = copy_template(cast.owner, template)
    make_run(cast.owner, crew, usd=5)
    make_run(cast.owner, child, usd=4, simulated=True)
    make_run(cast.owner, grandchild, usd=1)
    with django_assert_num_queries(2):
        tree = lineage_of(cast.viewer, template)
    told = [(node.slug, node.depth, node.origin, node.is_changed) for node in tree.nodes]
    assert told == [
        (crew.slug, 0, None, None),
        (child.slug, 1, 1, True),
        (grandchild.slug, 2, 2, False),
        (sibling.slug, 1, 1, None),
    ]
    real = [node.figures.real.median_nusd if node.figures.real else None for node in tree.nodes]
    assert real == [5 * 10**9, 2 * 10**9, 10**9, None]
    assert tree.nodes[1].figures.simulated is not None
    assert (tree.people, [node.slug for node in tree.copies]) == (2, [child.slug, grandchild.slug, sibling.slug])
    User.objects.filter(pk__in=[cast.editor.user.pk, cast.owner.user.pk]).update(name="Sam")
    assert lineage_of(cast.viewer, template).people == 2, "two people of one name are two"
    of_child = lineage_of(cast.viewer, Template.objects.get(crew=child))
    assert [node.slug for node in of_child.nodes] == [node.slug for node in tree.nodes]
    assert [node.slug for node in of_child.copies] == [grandchild.slug]
    page = template_page(cast.viewer, template)
    assert page.card.figures.real is not None
    assert [(each.version.number, each.is_present) for each in page.versions] == [(1, True)]
    assert [(each.measure, each.runs) for each in page.spreads if not each.simulated] == [("money", 2), ("ms", 2)]


def test_a_saving_is_that_of_the_same_inputs(cast: Cast, crew: Crew) -> None:
    template = shared(cast, crew)
    copy = copy_template(cast.editor, template)
    for company, usd in (("Acme", 0.10), ("Acme", 0.12), ("Acme", 0.50), ("Bolt", 0.08), ("Only mine", 9.0)):
        make_run(cast.owner, copy, usd=usd, seconds=20, inputs={"company": company})
    newer = shared(cast, crew, description="Cheaper")
    origin = origin_of(Crew.objects.get(pk=copy.pk))
    assert origin is not None
    assert saving_of(cast.viewer, origin) is None
    make_run(cast.owner, crew, usd=0.01, seconds=1, inputs={"company": "Acme"}, simulated=True)
    make_run(cast.owner, crew, usd=0.01, seconds=1, inputs={"company": "Acme"}, state=RunState.FAILED)
    make_run(cast.owner, crew, usd=0.03, seconds=10, inputs={"company": "Chips"})
    whole = saving_of(cast.viewer, origin)
    assert whole is not None
    assert (whole.inputs, whole.mine_nusd, whole.theirs_nusd) == (0, 120_000_000, 30_000_000)
    for company, usd in (("Acme", 0.06), ("Bolt", 0.078)):
        make_run(cast.owner, crew, usd=usd, seconds=30, inputs={"company": company})
    saving = saving_of(cast.viewer, origin)
    assert saving is not None
    assert (saving.simulated, saving.inputs, saving.mine_nusd, saving.theirs_nusd) == (
        False,
        2,
        200_000_000,
        138_000_000,
    )
    assert (saving.cost_words, saving.time_words) == ("31 % cheaper", "50 % slower")
    assert newer.version.number == 2


def test_a_copy_that_costs_nothing_is_told_what_a_newer_version_costs() -> None:
    def words(mine: int, theirs: int) -> str:
        return Saving(False, 1, 1, 1, mine, theirs, 10, 10).cost_words

    assert words(0, 5) == "dearer: the copy costs nothing"
    assert words(0, 0) == "costs nothing either way"
    assert (words(5, 0), words(5, 5)) == ("100 % cheaper", "about as cheap")


def test_a_spread_counts_each_run_once() -> None:
    for values in ([5], [0, 0, 1], [7] * 4, list(range(1, 2000, 7)), [1, 10**9], [3, 4]):
        found = spread(False, "money", values)
        assert found.width == found.columns[-1].x + found.column_width, "the picture ends with its last column"
        assert sum(column.runs for column in found.columns) == len(values)
        for place, column in enumerate(found.columns):
            last = place == len(found.columns) - 1
            assert column.runs == sum(
                column.low <= value < column.high or (last and value == column.high) for value in values
            )
        assert all(one.high == other.low for one, other in zip(found.columns, found.columns[1:], strict=False))


def test_what_an_address_says_is_read() -> None:
    assert asked({"cost": "0.05"}).most_nusd == 50_000_000
    for wrong in ("x", "-1", "1e9", "NaN", "0E-999999"):
        assert asked({"cost": wrong}).wrong
    assert asked({"sort": "nonsense", "from": "-3"}).at(24) == "from=24"
    assert asked({"q": "a b", "tag": "News", "cost": "1"}).at(0) == "q=a+b&tag=news&cost=1"
