from hypothesis import given
from hypothesis import strategies as st

from elec_assets.domain.outcomes import CAUSES, Outcome, worst


@given(st.sets(st.sampled_from(list(Outcome))))
def test_the_worst_cause_names_the_unit_in_the_order_of_the_design(causes: set[Outcome]) -> None:
    order = ["error", "over_budget", "refused", "throttled", "partial"]
    assert worst(causes) == min((c for c in causes if c in order), key=order.index, default=Outcome.PARTIAL)


def test_every_outcome_is_a_cause_or_settled_or_not_run() -> None:
    settled = {outcome for outcome in Outcome if outcome.settled}
    assert settled == {Outcome.OK, Outcome.EMPTY, Outcome.NOT_PLANNED}
    assert {*CAUSES, *settled, Outcome.NOT_RUN} == set(Outcome)
    assert not settled & set(CAUSES)
