"""The list of tests that are known not to pass, each group with its reason: expected.txt.

    # Kind: reason, in one or more lines
    test_module.Class.test_name  3.11 3.12~ = 3.13
    test_module.Class.test_name  3.11 = 3.13:test_module.Class.other

A reason begins with its kind, one of KINDS. A series with a tilde: there the test fails sometimes, for that reason, and
either outcome is as expected. Behind "=" stands what has become of a test that asserts what a later release has
changed: that release's test is run in its place, and has to pass, where it is found and its module can be loaded. An
empty line ends a group. Unexpected failures and unexpected passes are both errors.
"""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

PATH = Path(__file__).with_name("expected.txt")
UNEXPLAINED = "UNEXPLAINED"
KINDS = {
    "Private": "private parts of asyncio's own implementation",
    "Older": "behaviour that a later release has changed",
    "Fault": "known faults of asyncio",
}


@dataclass
class Report:
    """How a run compares with the list."""

    series: str
    counts: Counter
    listed: int
    surprises: list = field(default_factory=list)
    kinds: Counter = field(default_factory=Counter)
    newer: Counter = field(default_factory=Counter)

    def add_newer(self, outcomes):
        """What became of tests of later releases, {test: (outcome, details)}."""
        self.newer.update(outcome for outcome, _ in outcomes.values())
        for test, (outcome, details) in sorted(outcomes.items()):
            if outcome == "failed":
                self.surprises.append(f"UNEXPECTED FAILURE of a later release's {test}: {details}")

    @property
    def good(self):
        return not self.surprises

    def text(self, seconds):
        """What is printed of a run."""
        ran = self.counts["passed"] + self.counts["failed"]
        share = 100 * self.listed / max(1, ran)
        line = (
            f"Python {self.series}: {ran} tests ran, {self.counts['passed']} passed, {self.listed} are listed as "
            f"not passing ({share:.1f} %), {self.counts['skipped']} skipped by the suite itself; {seconds:.0f} s"
        )
        if self.kinds:
            line += "; of those listed " + ", ".join(f"{n} for {KINDS[kind]}" for kind, n in self.kinds.items())
        if self.newer:
            line += (
                f"; of the forms that later releases have of them {self.newer['passed']} passed, "
                f"{self.newer['failed']} failed, {self.newer['skipped']} can't be loaded there"
            )
        return "\n".join([*self.surprises, line + ("" if self.good else f"; {len(self.surprises)} SURPRISES")])


class Listing:
    """The groups of the list: reason → test → series."""

    def __init__(self, groups, newer=None):
        self.groups = groups
        # Test → (series, test): its form of a later release.
        self.newer = newer or {}

    def listed(self, series):
        """Tests that are not expected to pass there."""
        return self._listed_with(series) | self._listed_with(f"{series}~")

    def _listed_with(self, mark):
        return {test for tests in self.groups.values() for test, where in tests.items() if mark in where}

    def newer_forms(self, series):
        """{later series: tests} that are run there in the place of listed ones."""
        forms = {}
        for test in sorted(self.listed(series) & set(self.newer)):
            later, form = self.newer[test]
            forms.setdefault(later, []).append(form)
        return forms

    def compare(self, series, outcomes, partial=False):
        """A Report on {test: (outcome, details)}; `partial` where not all tests were run."""
        listed = self.listed(series)
        sometimes = self._listed_with(f"{series}~")
        counts = Counter(outcome for outcome, _ in outcomes.values())
        report = Report(series, counts, len(listed & set(outcomes)))
        for test, (outcome, details) in sorted(outcomes.items()):
            if test in sometimes:
                continue
            if outcome == "failed" and test not in listed:
                report.surprises.append(f"UNEXPECTED FAILURE {test}: {details}")
            elif outcome == "passed" and test in listed:
                report.surprises.append(f"UNEXPECTED PASS {test}: take it from {PATH.name}")
        if not partial:
            gone = sorted(listed - set(outcomes))
            report.surprises += [f"NO SUCH TEST {test}: take it from {PATH.name}" for test in gone]
        for reason, tests in self.groups.items():
            kind = reason.partition(":")[0]
            if kind in KINDS:
                report.kinds[kind] += len(listed & set(outcomes) & set(tests))
            else:
                report.surprises += [f"UNEXPLAINED {test}: give a reason in {PATH.name}" for test in sorted(tests)]
        return report

    def update(self, series, outcomes):
        """Make the list what this run says; what is new stands without a reason."""
        failed = {test for test, (outcome, _) in outcomes.items() if outcome == "failed"}
        for tests in self.groups.values():
            for test, where in list(tests.items()):
                if series in where and test not in failed:
                    where.discard(series)
                    if not where:
                        del tests[test]
        reasons = {test: reason for reason, tests in self.groups.items() for test in tests}
        for test in failed - self.listed(series):
            reason = reasons.get(test, UNEXPLAINED)
            self.groups.setdefault(reason, {}).setdefault(test, set()).add(series)

    def write(self):
        """Write the list."""
        blocks = []
        for reason, tests in self.groups.items():
            if tests:
                lines = [f"# {line}".rstrip() for line in reason.split("\n")]
                lines += [self._line(test, where) for test, where in sorted(tests.items())]
                blocks.append("\n".join(lines) + "\n")
        PATH.write_text("\n".join(blocks))


    def _line(self, test, where):
        line = f"{test}  {' '.join(sorted(where, key=order))}"
        if test in self.newer:
            later, form = self.newer[test]
            line += f" = {later}" if form == test else f" = {later}:{form}"
        return line


def order(series):
    return [int(part) for part in series.rstrip("~").split(".")]


def read():
    """The list as it is checked in."""
    groups, newer = {}, {}
    for block in PATH.read_text().split("\n\n") if PATH.exists() else []:
        lines = [line for line in block.splitlines() if line.strip()]
        reason = "\n".join(line.removeprefix("#").strip() for line in lines if line.startswith("#"))
        tests = groups.setdefault(reason, {})
        for line in lines:
            if not line.startswith("#"):
                here, _, later = line.partition(" = ")
                test, *where = here.split()
                tests[test] = set(where)
                if later:
                    series, _, form = later.strip().partition(":")
                    newer[test] = series, form or test
    return Listing(groups, newer)
