"""The rules as a table: facts in, outcome out. Pure functions, no database."""

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from security.policies import DEFAULT_POLICIES
from security.rules import (
    KINDS,
    SCORE_BOUNDS,
    SENTENCES,
    STANDING,
    Attempts,
    Facts,
    Rule,
    judge,
    outcome_of_score,
    parameter_problems,
    tallies_of,
)
from security.states import BlockKind, Outcome, SecurityLevel, Severity

DAY, BURST = 86400, 600
OLD = timedelta(days=400)
RULES = [
    Rule(
        p["policy_id"], p["kind"], p["parameters"], Outcome(p["outcome"]), p["score"], Severity(p["severity"])
    )
    for p in DEFAULT_POLICIES
]
O = Outcome  # noqa: E741


def facts(amount="299.00", *, age=OLD, blocked=(), attempts=None, standing=O.NOT_EVALUATED):
    return Facts(Decimal(amount), age, frozenset(blocked), attempts or {}, standing)


def codes(verdict):
    return [hit.code for hit in verdict.hits]


@pytest.mark.parametrize(
    "given, outcome",
    [
        (facts("0.01"), O.APPROVE),
        (facts("299.00"), O.APPROVE),
        (facts("19999.99"), O.APPROVE),
        (facts("20000.00"), O.REVIEW),
        (facts("49999.99"), O.REVIEW),
        (facts("50000.00"), O.BLOCK_AND_REVIEW),
        (facts("52000.00"), O.BLOCK_AND_REVIEW),
        (facts("499999.99"), O.BLOCK_AND_REVIEW),
        (facts("500000.00"), O.DECLINE),
        (facts("99999999.99"), O.DECLINE),
        # A young account.
        (facts("299.00", age=timedelta(minutes=10)), O.APPROVE),
        (facts("1999.99", age=timedelta(minutes=10)), O.APPROVE),
        (facts("2000.00", age=timedelta(minutes=10)), O.REVIEW),
        (facts("9999.99", age=timedelta(minutes=10)), O.REVIEW),
        (facts("10000.00", age=timedelta(minutes=10)), O.BLOCK_AND_REVIEW),
        (facts("10000.00", age=timedelta(days=1)), O.APPROVE),
        (facts("10000.00", age=timedelta(days=1, seconds=-1)), O.BLOCK_AND_REVIEW),
        # An account whose age nobody could tell.
        (facts("299.00", age=None), O.APPROVE),
        (facts("2000.00", age=None), O.APPROVE),
        (facts("20000.00", age=None), O.REVIEW),
        # Velocity: this attempt counts as well.
        (facts(attempts={BURST: Attempts(19)}), O.APPROVE),
        (facts(attempts={BURST: Attempts(20)}), O.REVIEW),
        (facts(attempts={DAY: Attempts(199)}), O.APPROVE),
        (facts(attempts={DAY: Attempts(200)}), O.BLOCK_AND_REVIEW),
        (facts("1.00", attempts={DAY: Attempts(3, Decimal("999998.99"))}), O.APPROVE),
        (facts("1.00", attempts={DAY: Attempts(3, Decimal("999999.00"))}), O.BLOCK_AND_REVIEW),
        (facts(attempts={DAY: Attempts(5, declined=2)}), O.APPROVE),
        (facts(attempts={DAY: Attempts(5, declined=3)}), O.BLOCK_AND_REVIEW),
        # Block lists.
        (facts(blocked=[BlockKind.USER]), O.DECLINE),
        (facts(blocked=[BlockKind.ADDRESS]), O.DECLINE),
        (facts(blocked=[BlockKind.IP]), O.BLOCK_AND_REVIEW),
        # What stands against the order.
        (facts(standing=O.APPROVE), O.APPROVE),
        (facts(standing=O.REVIEW), O.APPROVE),
        (facts(standing=O.BLOCK_AND_REVIEW), O.BLOCK_AND_REVIEW),
        (facts(standing=O.DECLINE), O.DECLINE),
        # The strongest wins.
        (facts("52000.00", blocked=[BlockKind.USER]), O.DECLINE),
    ],
)
def test_the_seeded_policies(given, outcome):
    assert judge(given, RULES, SecurityLevel.MEDIUM).outcome == outcome


def test_without_policies_nothing_was_evaluated():
    assert judge(facts("999999.00"), [], SecurityLevel.HIGH).outcome == O.NOT_EVALUATED


def test_what_stands_needs_no_policy():
    verdict = judge(facts(standing=O.DECLINE), [], SecurityLevel.LOW)

    assert (verdict.outcome, codes(verdict)) == (O.DECLINE, [STANDING])


def test_scores_add_up_to_a_hundred_at_most():
    verdict = judge(facts("600000.00", blocked=list(BlockKind)), RULES, SecurityLevel.MEDIUM)

    assert verdict.score == 100


def test_a_plain_purchase_has_no_reasons():
    verdict = judge(facts(), RULES, SecurityLevel.HIGH)

    assert (verdict.outcome, verdict.score, verdict.hits) == (O.APPROVE, 0, ())


@pytest.mark.parametrize(
    "level, score, outcome",
    [
        (SecurityLevel.LOW, 59, O.NOT_EVALUATED),
        (SecurityLevel.LOW, 60, O.REVIEW),
        (SecurityLevel.LOW, 100, O.BLOCK_AND_REVIEW),
        (SecurityLevel.MEDIUM, 49, O.NOT_EVALUATED),
        (SecurityLevel.MEDIUM, 50, O.REVIEW),
        (SecurityLevel.MEDIUM, 80, O.BLOCK_AND_REVIEW),
        (SecurityLevel.HIGH, 30, O.REVIEW),
        (SecurityLevel.HIGH, 60, O.BLOCK_AND_REVIEW),
        (SecurityLevel.HIGH, 95, O.DECLINE),
    ],
)
def test_what_a_score_alone_asks_for(level, score, outcome):
    assert outcome_of_score(score, level) == outcome


def test_small_suspicions_add_up():
    """A burst of payments (20) by a young account over a middling amount (20) plus a high one (30)."""
    given = facts("20000.00", age=timedelta(minutes=10), attempts={BURST: Attempts(20)})
    alone = [rule for rule in RULES if rule.policy_id != 9]

    assert judge(given, alone, SecurityLevel.LOW).outcome == O.REVIEW
    assert judge(given, alone, SecurityLevel.HIGH).outcome == O.BLOCK_AND_REVIEW


def test_a_higher_level_is_never_milder():
    levels = [SCORE_BOUNDS[level] for level in (SecurityLevel.LOW, SecurityLevel.MEDIUM, SecurityLevel.HIGH)]
    for milder, stricter in pairwise(levels):
        assert all(after <= before for before, after in zip(milder, stricter, strict=True))


def test_more_hits_never_lower_the_outcome():
    given = facts("52000.00", age=timedelta(minutes=1), attempts={BURST: Attempts(50), DAY: Attempts(300)})
    best = O.NOT_EVALUATED
    for count in range(len(RULES) + 1):
        outcome = judge(given, RULES[:count], SecurityLevel.MEDIUM).outcome
        assert outcome >= best
        best = outcome


def test_every_default_policy_is_sound():
    assert len({policy["policy_id"] for policy in DEFAULT_POLICIES}) == len(DEFAULT_POLICIES)
    for policy in DEFAULT_POLICIES:
        assert parameter_problems(policy["kind"], policy["parameters"]) == {}
        assert policy["policy_name"] and policy["policy_name_en"]
    assert {policy["kind"] for policy in DEFAULT_POLICIES} == set(KINDS)


def test_only_what_some_rule_looks_at_is_counted():
    assert tallies_of(RULES) == [(600, "count"), (DAY, "amount"), (DAY, "count"), (DAY, "declined")]
    assert tallies_of([rule for rule in RULES if rule.kind == "amount_at_least"]) == []


@pytest.mark.parametrize(
    "kind, parameters, wrong",
    [
        ("amount_at_least", {}, {"amount"}),
        ("amount_at_least", {"amount": 5}, {"amount"}),
        ("amount_at_least", {"amount": "much"}, {"amount"}),
        ("amount_at_least", {"amount": "NaN"}, {"amount"}),
        ("amount_at_least", {"amount": "-1"}, {"amount"}),
        ("amount_at_least", {"amount": "Infinity"}, {"amount"}),
        ("amount_at_least", {"amount": "1.00", "limit": 3}, {"limit"}),
        ("velocity_count", {"window_seconds": 0, "limit": 3}, {"window_seconds"}),
        ("velocity_count", {"window_seconds": 60, "limit": True}, {"limit"}),
        ("velocity_count", {"window_seconds": "60", "limit": 1}, {"window_seconds"}),
        ("velocity_count", {"window_seconds": 10**9, "limit": 1}, {"window_seconds"}),
        ("block_list", {"block": "phone"}, {"block"}),
        ("magic", {}, {"kind"}),
        ("velocity_count", {"window_seconds": 60, "limit": 1}, set()),
    ],
)
def test_parameters_are_checked_before_they_can_break_an_evaluation(kind, parameters, wrong):
    assert set(parameter_problems(kind, parameters)) == wrong


def test_every_reason_has_a_sentence_in_both_languages():
    for code in [*KINDS, STANDING]:
        zh, en = SENTENCES[code]
        assert zh and en and zh != en
