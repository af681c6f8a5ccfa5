"""What is charged adds up to the bill to the cent, however it is shared."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runs.bill_sums.sums import Sums
from runs.bills.charges import WEIGHS, charges_of
from runs.bills.lines import Line
from runs.bills.values import Value
from runs.money import CENT_NUSD

ALDER, KESTREL, NOBODY = Value("alder", "Alder"), Value("kestrel", "Kestrel"), Value("", "without customer")
CREW = Value("support", "Support")


def line(value: Value, nusd: int, calls: int = 1, crew: Value = CREW) -> Line:
    return Line((value, crew), Sums(spent_nusd=nusd, calls=calls))


def of_nobody(one: Line) -> bool:
    return not one.values[0].code


def test_what_is_shared_goes_to_each_by_what_they_cost() -> None:
    lines = [line(ALDER, 3 * CENT_NUSD), line(KESTREL, CENT_NUSD), line(NOBODY, 2 * CENT_NUSD)]
    found = charges_of(lines, of_nobody, "cost")
    assert {row.value: row.cents for row in found.rows} == {ALDER: 5, KESTREL: 1}, "4.5 and 1.5"
    assert (found.own_nusd, found.shared_nusd, found.cents) == (4 * CENT_NUSD, 2 * CENT_NUSD, 6)


def test_what_a_customer_got_back_counts_in_its_weight() -> None:
    other = Value("nightly", "Nightly")
    lines = [line(ALDER, 10 * CENT_NUSD), line(ALDER, -4 * CENT_NUSD, crew=other), line(KESTREL, 6 * CENT_NUSD)]
    found = charges_of([*lines, line(NOBODY, 16 * CENT_NUSD)], of_nobody, "cost")
    assert {row.value: (row.own_nusd, row.share_nusd) for row in found.rows} == dict.fromkeys(
        (ALDER, KESTREL), (6 * CENT_NUSD, 8 * CENT_NUSD)
    )


def test_by_calls_and_in_equal_parts() -> None:
    lines = [line(ALDER, 0, calls=9), line(KESTREL, 0, calls=1), line(NOBODY, 100 * CENT_NUSD, calls=50)]
    by_calls = charges_of(lines, of_nobody, "calls")
    assert {row.value: row.cents for row in by_calls.rows} == {ALDER: 90, KESTREL: 10}
    assert {row.cents for row in charges_of(lines, of_nobody, "equal").rows} == {50}
    assert {row.cents for row in charges_of(lines, of_nobody, "cost").rows} == {50}, "nobody costs anything themselves"


def test_a_shared_crew_is_shared_with_those_who_pay_for_others() -> None:
    shared = Value("nightly", "Nightly")
    lines = [line(ALDER, 10 * CENT_NUSD), line(NOBODY, 30 * CENT_NUSD, crew=shared), line(NOBODY, 5 * CENT_NUSD)]
    found = charges_of(lines, lambda one: one.values[1] == shared, "cost")
    assert {row.value: row.cents for row in found.rows} == {ALDER: 30, NOBODY: 15}


def test_what_only_nobody_has_is_charged_as_it_is() -> None:
    found = charges_of([line(NOBODY, 7 * CENT_NUSD)], of_nobody, "cost")
    assert [(row.value, row.cents) for row in found.rows] == [(NOBODY, 7)]
    assert charges_of([], of_nobody, "cost").cents == 0


@given(
    st.lists(
        st.builds(
            line,
            st.sampled_from([NOBODY, *(Value(str(number), str(number)) for number in range(9))]),
            st.integers(-(10**9), 10**15),
            st.integers(0, 10**6),
            st.sampled_from([CREW, Value("nightly", "Nightly")]),
        ),
        max_size=20,
        unique_by=lambda one: one.values,
    ),
    st.sampled_from(list(WEIGHS)),
)
def test_cents_add_up_to_the_bill(lines: list[Line], weigh: str) -> None:
    found = charges_of(lines, of_nobody, weigh)
    spent = sum(one.sums.spent_nusd for one in lines)
    assert sum(row.cents for row in found.rows) == found.cents
    assert abs(found.cents * CENT_NUSD - spent) <= CENT_NUSD // 2
    assert sum(row.own_nusd for row in found.rows) == found.own_nusd
    assert sum(row.share_nusd for row in found.rows) == found.shared_nusd == spent - found.own_nusd
    for row in found.rows:
        assert row.own_nusd + row.share_nusd + row.rounding_nusd == row.cents * CENT_NUSD
        assert abs(row.rounding_nusd) <= CENT_NUSD
