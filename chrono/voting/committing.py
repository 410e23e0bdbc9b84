"""Our own part of submit1: values are taken once, fixed with a random, and in the journal before anything leaves."""

from collections.abc import Callable

from chrono.errors import NO_VALUES, VALUES_LATE, ChronoError, Reason
from chrono.flare.commit import Reveal
from chrono.flare.feed_values import encode_values
from chrono.flare.refusal import Refused
from chrono.voting.actions import TakeValues, Values
from chrono.voting.journal import Journal
from chrono.voting.membership import Membership, RewardEpochFacts
from chrono.voting.plan import RoundPlan
from chrono.voting.records import Commit


class Committing:
    """The commit of one round, until it is in the journal or the round is skipped."""

    def __init__(self, plan: RoundPlan, journal: Journal, random: Callable[[], bytes]) -> None:
        self._plan = plan
        self._journal = journal
        self._random = random
        self._asked: tuple[TakeValues, RewardEpochFacts, Membership] | None = None
        self._again_ns = plan.values_at_ns
        self.reason: Reason | None = None
        """What stood in the way last."""

    @property
    def commit(self) -> Commit | None:
        """The commit, once it is on disk."""
        return self._journal.committed(self._plan.id)

    def due(
        self, now_ns: int, refusal: Reason | None, facts: RewardEpochFacts | None, membership: Membership | None
    ) -> list[TakeValues]:
        """The values, when it is time to take them and nothing stands in the way."""
        if self.commit is not None or not self._plan.values_at_ns <= now_ns <= self._plan.commit_stop_ns:
            return []
        if refusal is not None or facts is None or membership is None:
            return []
        if self._asked is not None or now_ns < self._again_ns:
            return []
        self.reason = None
        question = TakeValues(self._plan.id, facts.reward_epoch_id, facts.electorate.feeds)
        self._asked = question, facts, membership
        return [question]

    def answered(self, values: Values, now_ns: int) -> None:
        """The values are there: make a commit of them, on disk."""
        if self._asked is None:
            return
        _, facts, membership = self._asked
        self._asked, self._again_ns = None, now_ns + self._plan.margins.poll_ns
        self.reason = self._made(values, facts, membership, now_ns)

    def _made(self, values: Values, facts: RewardEpochFacts, membership: Membership, now_ns: int) -> Reason | None:
        """Why there is no commit; None when there is one."""
        if self.commit is not None:
            return None
        if now_ns > self._plan.commit_stop_ns:
            return VALUES_LATE
        count = len(facts.electorate.feeds)
        if values.reason is not None or all(value is None for value in values.values) or len(values.values) != count:
            return values.reason or NO_VALUES
        try:
            self._journal.commit(self._commit(values, facts, membership, now_ns))
        except Refused:
            return NO_VALUES
        except ChronoError as error:
            return error.reason
        return None

    def _commit(self, values: Values, facts: RewardEpochFacts, membership: Membership, now_ns: int) -> Commit:
        reveal = Reveal(self._random(), encode_values(values.values))
        return Commit(
            round_id=self._plan.id,
            reward_epoch_id=facts.reward_epoch_id,
            submit=membership.submit,
            random=reveal.random,
            encoded_values=reveal.encoded_values,
            feed_count=len(values.values),
            commit_hash=reveal.commit_hash(membership.submit, self._plan.id),
            reveal_deadline_ns=self._plan.reveal_deadline_ns,
            at_ns=now_ns,
        )
