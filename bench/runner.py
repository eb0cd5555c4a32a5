"""Measures every row with every contender, several rounds, and keeps what came out.

A round measures each row once with each contender, the contenders in a new random order each time, so slow
changes of the machine (temperature, neighbours) touch all of them alike.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from .contenders import Contender
from .process import ask, child_command
from .row import Failed, Row, Sample, Settings, Skipped


@dataclass
class Outcome:
    """What one contender did in one row. After `skipped` or `failed` it is not measured again."""

    samples: list[Sample] = field(default_factory=list)
    skipped: str | None = None
    failed: str | None = None

    @property
    def is_open(self) -> bool:
        return self.skipped is None and self.failed is None


Outcomes = dict[tuple[str, str], Outcome]          # by (row name, contender name)
Listener = Callable[[int, Row, Contender, Outcome], None]


def available(rows: Sequence[Row]) -> tuple[list[Row], dict[str, str]]:
    """The rows that this machine can measure, and the others: {name: what is lacking}."""
    reasons = {row.name: row.unavailable() for row in rows}
    return ([row for row in rows if reasons[row.name] is None],
            {name: reason for name, reason in reasons.items() if reason is not None})


def estimate(rows: Sequence[Row], contenders: Sequence[Contender], rounds: int, settings: Settings) -> float:
    """About how many seconds `run` takes on a quiet machine."""
    return sum(min(rounds, row.most_rounds) * row.duration(settings)
               for row in rows for contender in contenders if row.refuses(contender) is None)


def turns(rows: Sequence[Row], rounds: int) -> int:
    """How often a row has its turn in `run`, all rows together."""
    return sum(min(rounds, row.most_rounds) for row in rows)


def probe(contenders: Sequence[Contender]) -> tuple[dict[str, dict], dict[str, str]]:
    """Ask each contender's loop what it is: ({name: facts}, {name: why it can't take part})."""
    facts, absent = {}, {}
    for contender in contenders:
        reason = contender.missing()
        if reason is None and not contender.is_native:
            try:
                facts[contender.name] = ask(child_command("probe", contender.name), None)
            except (Failed, Skipped) as error:
                reason = f"installed, but does not work here: {error}"
        if reason is not None:
            absent[contender.name] = reason
    return facts, absent


def measure_once(row: Row, contender: Contender, settings: Settings, outcome: Outcome) -> None:
    """One more sample for `outcome`, or the reason why there is none."""
    try:
        outcome.samples.append(row.measure(contender, settings))
    except Skipped as reason:
        outcome.skipped = str(reason)
    except Failed as error:
        outcome.failed = str(error)


def run(rows: Sequence[Row], contenders: Sequence[Contender], rounds: int, settings: Settings,
        chance: random.Random, before: Listener, after: Listener) -> tuple[Outcomes, int]:
    """Run all rounds; Ctrl-C ends early. Returns the outcomes and the number of complete rounds.

    `before` and `after` are called around each measurement with (round, row, contender, outcome).
    """
    outcomes = {(row.name, c.name): Outcome(skipped=row.refuses(c)) for row in rows for c in contenders}
    for number in range(1, rounds + 1):
        try:
            for row in [row for row in rows if number <= row.most_rounds]:
                for contender in chance.sample(contenders, len(contenders)):
                    outcome = outcomes[row.name, contender.name]
                    if outcome.is_open:
                        before(number, row, contender, outcome)
                        measure_once(row, contender, settings, outcome)
                    after(number, row, contender, outcome)
        except KeyboardInterrupt:
            return outcomes, number - 1
    return outcomes, rounds
