"""Who should own which follower: fair, stable, and the same for whoever computes it."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from system.leases.shares import Candidate, fair_shares

FOLLOWERS = ["Inventory", "OrderDashboard", "OrderFulfilment", "Orders", "Payments", "SagaLog"]
ALL = frozenset(FOLLOWERS)


def sizes(shares: Mapping[str, frozenset[str]]) -> list[int]:
    """How many each has."""
    return [len(share) for share in shares.values()]


def test_a_lone_runner_owns_everything_it_wants() -> None:
    assert fair_shares({"a": Candidate(ALL)}) == {"a": ALL}
    assert fair_shares({"a": Candidate(frozenset({"Orders"}))}) == {"a": {"Orders"}}


def test_a_second_runner_gets_half_and_the_rest_stays_where_it_is() -> None:
    shares = fair_shares({"a": Candidate(ALL, held=ALL), "b": Candidate(ALL)})
    assert sizes(shares) == [3, 3]
    assert shares["a"] | shares["b"] == ALL


def test_while_a_follower_is_handed_over_no_other_is_asked_for_instead() -> None:
    taken = fair_shares({"a": Candidate(ALL, held=ALL), "b": Candidate(ALL)})["b"]
    for stopped in taken:
        assert fair_shares({"a": Candidate(ALL, held=ALL - {stopped}), "b": Candidate(ALL)})["b"] == taken


def test_what_is_fair_is_left_alone() -> None:
    runners = {
        "a": Candidate(ALL, held=frozenset({"Orders", "Payments"})),
        "b": Candidate(ALL, held=frozenset({"Inventory", "OrderFulfilment", "OrderDashboard"})),
        "c": Candidate(frozenset({"SagaLog"}), held=frozenset({"SagaLog"})),
        "d": Candidate(frozenset({"SagaLog"})),
    }
    assert fair_shares(runners) == {name: candidate.held for name, candidate in runners.items()}


def test_what_a_dead_runner_held_goes_to_those_who_have_least() -> None:
    runners = {"a": Candidate(ALL, held=frozenset({"Orders"})), "b": Candidate(ALL, held=ALL - {"Orders"})}
    assert sizes(fair_shares(runners)) == [3, 3]
    assert "Orders" in fair_shares(runners)["a"]


def test_a_guest_gets_only_what_no_resident_wants() -> None:
    payments = frozenset({"Payments"})
    runners = {"resident": Candidate(ALL - payments), "visitor": Candidate(ALL, held=ALL, is_guest=True)}
    assert fair_shares(runners) == {"resident": ALL - payments, "visitor": payments}


some_followers = st.frozensets(st.sampled_from(FOLLOWERS))
candidates = st.builds(Candidate, wanted=some_followers, held=some_followers)


@given(st.dictionaries(st.sampled_from("abcd"), candidates, min_size=1))
def test_everything_wanted_has_one_owner_and_nobody_has_two_more_than_another_who_wants_it(
    runners: dict[str, Candidate],
) -> None:
    shares = fair_shares(runners)
    wanted = {follower for candidate in runners.values() for follower in candidate.wanted}
    assert sum(sizes(shares)) == len(wanted)
    for name, share in shares.items():
        assert share <= runners[name].wanted
        for other, candidate in runners.items():
            assert not share & candidate.wanted or len(share) - len(shares[other]) < 2
