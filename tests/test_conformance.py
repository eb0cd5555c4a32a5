"""The runner of CPython's tests: what it compares, and that it notices what goes wrong."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytest.importorskip("tulipa")
ROOT = Path(__file__).resolve().parents[1]
if not (ROOT / "conformance").is_dir():
    pytest.skip("the runner is not part of an installation", allow_module_level=True)
sys.path.insert(0, str(ROOT))

from conformance import listing, running  # noqa: E402


def known(**tests):
    return listing.Listing({"Private: a reason": {name: set(where.split()) for name, where in tests.items()}})


def surprises(known, series="3.13", partial=False, **outcomes):
    report = known.compare(series, {name: (outcome, "why") for name, outcome in outcomes.items()}, partial)
    assert report.good is not bool(report.surprises)
    return report.surprises


def test_what_is_as_listed():
    assert surprises(known(a="3.13", b="3.12"), a="failed", b="passed", c="passed", d="skipped") == []


def test_unexpected_failure():
    assert surprises(known(b="3.12"), a="failed", b="passed") == ["UNEXPECTED FAILURE a: why"]


def test_unexpected_pass():
    [line] = surprises(known(a="3.13"), a="passed")
    assert line.startswith("UNEXPECTED PASS a")


def test_what_fails_sometimes():
    for outcome in ("passed", "failed"):
        assert surprises(known(a="3.13~"), a=outcome) == []
    assert surprises(known(a="3.13~"), series="3.12", a="failed") == ["UNEXPECTED FAILURE a: why"]


def test_later_forms():
    lists = listing.Listing({"Older: x": {"a": {"3.11", "3.12"}, "b": {"3.11"}}}, {"a": ("3.13", "c")})
    assert lists.newer_forms("3.11") == lists.newer_forms("3.12") == {"3.13": ["c"]}
    assert lists.newer_forms("3.13") == {}
    report = lists.compare("3.12", {"a": ("failed", "why")})
    report.add_newer({"c": ("passed", ""), "d": ("skipped", "")})
    assert report.good
    report.add_newer({"c": ("failed", "why")})
    assert report.surprises == ["UNEXPECTED FAILURE of a later release's c: why"]


def test_later_forms_are_written_and_read(tmp_path, monkeypatch):
    monkeypatch.setattr(listing, "PATH", tmp_path / "expected.txt")
    newer = {"a": ("3.13", "a"), "b": ("3.12", "c")}
    lists = listing.Listing({"Older: x": {"a": {"3.11"}, "b": {"3.11~"}}}, newer)
    lists.write()
    assert listing.PATH.read_text() == "# Older: x\na  3.11 = 3.13\nb  3.11~ = 3.12:c\n"
    assert listing.read().groups == lists.groups and listing.read().newer == newer


def test_each_reason_is_of_a_kind():
    [line] = surprises(listing.Listing({"because": {"a": {"3.12"}}}), a="passed")
    assert line.startswith("UNEXPLAINED a")
    assert {reason.partition(":")[0] for reason in listing.read().groups} == set(listing.KINDS)


def test_gone():
    [line] = surprises(known(a="3.13"), b="passed")
    assert line.startswith("NO SUCH TEST a")
    assert surprises(known(a="3.13"), partial=True, b="passed") == []


def test_update_needs_reasons(tmp_path, monkeypatch):
    monkeypatch.setattr(listing, "PATH", tmp_path / "expected.txt")
    lists = known(a="3.12 3.13", b="3.13~", c="3.13")
    lists.update("3.13", {"a": ("failed", ""), "b": ("passed", ""), "c": ("passed", ""), "d": ("failed", "")})
    lists.write()
    again = listing.read()
    assert again.groups == {
        "Private: a reason": {"a": {"3.12", "3.13"}, "b": {"3.13~"}},
        listing.UNEXPLAINED: {"d": {"3.13"}},
    }
    report = again.compare("3.13", {"a": ("failed", ""), "b": ("failed", ""), "d": ("failed", "")})
    assert [line.split()[0] for line in report.surprises] == ["UNEXPLAINED"]


def test_the_list_that_is_checked_in():
    lists = listing.read()
    assert lists.groups and listing.UNEXPLAINED not in lists.groups
    every = [test for tests in lists.groups.values() for test in tests]
    assert len(every) == len(set(every)), "a test with two reasons"


def test_runs():
    """A whole run of a few tests, in processes of their own."""
    suite = running.Suite(sys.executable, "test_locks.LockTests")
    with ThreadPoolExecutor(1) as pool:
        outcomes = suite.run(pool)
    assert len(outcomes) > 10
    assert {outcome for outcome, _ in outcomes.values()} == {"passed"}


def test_portions_keep_classes_together(monkeypatch):
    monkeypatch.setattr(running, "PORTION", 2)
    names = ["m.A.a", "m.A.b", "m.A.c", "m.B.a", "n.A.a"]
    assert list(running.portions(names)) == [["m.A.a", "m.A.b", "m.A.c"], ["m.B.a"], ["n.A.a"]]
