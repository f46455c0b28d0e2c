"""The score says which part of the changes was noticed, package by package."""

from .score import chosen, mutants_of, report, scores_of

RESULTS = """
    domain.orders.order.xǁOrderǁconfirm__mutmut_1: killed
    domain.orders.order.xǁOrderǁconfirm__mutmut_2: survived
    domain.orders.order.xǁOrderǁconfirm__mutmut_3: timeout
    domain.orders.order.xǁOrderǁconfirm__mutmut_4: caught by type check
    domain.orders.lines.x_priced__mutmut_1: no tests
    domain.shared.ids.x_derive__mutmut_1: killed
    domain.shared.ids.x_derive__mutmut_2: not checked
"""


def test_what_mypy_refuses_does_not_count_and_what_no_test_meets_does() -> None:
    orders, shared = scores_of(mutants_of(RESULTS), {"domain.orders": 50.0})

    assert (orders.package, orders.per_cent, orders.is_too_low) == ("domain.orders", 50.0, False)
    assert (shared.package, shared.per_cent, shared.untried) == ("domain.shared", 100.0, 1)


def test_a_package_is_too_low_when_it_was_tried_and_is_below_its_floor() -> None:
    orders, shared = scores_of(mutants_of(RESULTS), {"domain.orders": 50.1})
    assert (orders.is_too_low, shared.is_too_low) == (True, False)

    orders, _ = scores_of(mutants_of(RESULTS), {})
    assert (orders.floor, orders.is_too_low) == (100.0, True)

    with_untried = RESULTS + "    domain.orders.lines.x_priced__mutmut_2: not checked\n"
    orders, _ = scores_of(mutants_of(with_untried), {})
    assert (orders.untried, orders.is_too_low) == (1, False)


def test_the_report_names_what_was_missed_and_how_to_look_at_it() -> None:
    mutants = chosen(mutants_of(RESULTS), ["domain.orders*"])
    told = report(mutants, scores_of(mutants, {"domain.orders": 90.0}), "mutmut show NAME").splitlines()

    assert told[1:4] == [
        "  domain.orders.order.xǁOrderǁconfirm__mutmut_2: survived",
        "  domain.orders.lines.x_priced__mutmut_1: no tests",
        "Look at one: mutmut show NAME",
    ]
    assert told[-1].split() == ["domain.orders", "1", "1", "1", "1", "1", "0", "50.0%", "90.0%"]
    assert "domain.shared" not in "".join(told)
