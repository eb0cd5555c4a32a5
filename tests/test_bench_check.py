"""The guard of instruction counts: its arithmetic, what it says, and that counting counts."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from helpers.benchmarks import program

import tulipa
from bench.check import __main__ as command
from bench.check import comparing, counting

ENVIRONMENT = {"python": "3.11.7", "compiler": "cc 12", "flags": "", "libc": "glibc 2.36", "valgrind": "valgrind-3.19"}
ENTRY = {"made_with": ENVIRONMENT, "reference": {"a": 100, "b": 400}, "operations": {"x": 1000, "y": 50}}


# --- counting ---

def test_counts_are_differences_of_twice_and_once():
    parts = [10**9, 7, 1500, 2500, 9, 3000, 5040, 123]           # start; x: warm-up, once, twice; y: the same; the end
    assert counting.per_operation(parts, 100, ["x", "y"]) == {"x": 10.0, "y": 20.4}


def test_marks_that_are_not_seen_are_an_error():
    with pytest.raises(counting.CannotCount, match="valgrind wrote 1 parts instead of 4"):
        counting.per_operation([10**9], 100, ["x"])


def test_parts_are_read_in_the_order_of_their_numbers(tmp_path):
    for number in (10, 2, 1):
        (tmp_path / f"counts.{number}").write_text(f"version: 1\nsummary: {number * 100}\n\nfn=(1) main\n1 5\n")
    (tmp_path / "counts").write_text("the rest")
    assert counting.read_parts(tmp_path) == [100, 200, 1000]
    (tmp_path / "counts.3").write_text("nothing")
    with pytest.raises(counting.CannotCount, match="has no sum"):
        counting.read_parts(tmp_path)


def test_the_steady_clock_goes_on_by_steps():
    code = "import time; a = [time.monotonic_ns() for _ in range(100)]; print({y - x for x, y in zip(a, a[1:])})"
    environ = {**os.environ, "LD_PRELOAD": str(program("steady_clock"))}
    done = subprocess.run([sys.executable, "-S", "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "{100}"


@pytest.mark.timeout(600)                                        # where the machine is busy
@pytest.mark.skipif(counting.missing() is not None, reason="needs valgrind")
def test_what_does_more_counts_more():
    program("steady_clock")
    counts = counting.count("std", 100, ["transports.protocol_echo", "transports.streams_echo"])
    assert 1000 < counts["transports.protocol_echo"] < counts["transports.streams_echo"]


def test_what_valgrind_says_is_passed_on(tmp_path, monkeypatch):
    program("steady_clock")
    (tmp_path / "valgrind").write_text("#!/bin/sh\necho it is broken >&2\nexit 3\n")
    (tmp_path / "valgrind").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(counting.CannotCount, match=r"(?s)ended with status 3:.*it is broken"):
        counting.count("std", 100, ["transports.protocol_echo"])


# --- comparing ---

def test_what_is_expected_goes_with_the_standard_library():
    [x, y] = comparing.compare(ENTRY, {"a": 200, "b": 200}, {"x": 1100, "y": 50, "new": 1})
    assert (x.name, x.expected, x.found) == ("x", pytest.approx(1000), 1100)         # twice as many, and half as many
    assert x.change == pytest.approx(0.1)
    assert y.change == pytest.approx(0)
    [x] = comparing.compare(ENTRY, {"a": 110, "b": 440}, {"x": 1100})
    assert x.change == pytest.approx(0)


def test_another_compiler_widens_the_tolerance():
    assert comparing.tolerance_of(ENTRY, dict(ENVIRONMENT)) == 0.05
    other = {**ENVIRONMENT, "compiler": "cc 14"}
    assert comparing.tolerance_of(ENTRY, other) == comparing.FOREIGN_TOLERANCE
    assert comparing.differences(ENTRY, other) == ["compiler cc 14 instead of cc 12"]


def test_the_table_is_about_what_is_counted():
    table = json.loads(comparing.TABLE.read_text())
    for entry in table.values():
        assert entry["made_with"].keys() == ENVIRONMENT.keys()
        assert entry["reference"].keys() == set(command.REFERENCE)
        assert entry["operations"].keys() == set(command.OPERATIONS)


# --- the command ---

@pytest.fixture
def guard(tmp_path, monkeypatch, capsys):
    """`guard(counts, *arguments)` runs the command with these counts: (status, output, errors, table)."""
    table = tmp_path / "table.json"
    table.write_text(json.dumps({"this": ENTRY}))
    monkeypatch.setattr(counting, "missing", lambda: None)
    monkeypatch.setattr(tulipa, "is_compiled", lambda: True)
    monkeypatch.setattr(command, "kind_of_python", lambda: "this")
    monkeypatch.setattr(command, "made_with", lambda: dict(ENVIRONMENT))
    monkeypatch.setattr(comparing.read_table, "__defaults__", (table,))
    monkeypatch.setattr(comparing.write_entry, "__defaults__", (table,))

    def run(counts, *arguments):
        monkeypatch.setattr(counting, "count", lambda contender, times, operations: {
            "std": {"a": 100.0, "b": 400.0}, "tulipa-full": counts}[contender])
        status = command.main(list(arguments))
        return status, *capsys.readouterr(), json.loads(table.read_text())

    return run


def test_equal_counts_pass(guard):
    status, output, errors, table = guard({"x": 1040, "y": 50})
    assert (status, errors) == (0, "")
    assert "+4.0%" in output and "slower" not in output and "better" not in output
    assert table == {"this": ENTRY}


def test_slower_fails_and_says_what(guard):
    status, output, errors, _ = guard({"x": 1060, "y": 50})
    assert status == 1
    assert "+6.0%  slower" in output
    assert "slower by more than 5%: x\n" in errors
    assert "make bench-check UPDATE=1" in errors


def test_better_passes_and_asks_for_the_table(guard):
    status, output, _, _ = guard({"x": 900, "y": 50})
    assert status == 0
    assert "-10.0%  better" in output
    assert "better: update the table by make bench-check UPDATE=1" in output


def test_the_table_is_renewed(guard):
    status, _, _, table = guard({"x": 900.4, "y": 60, "z": 7}, "--update")
    assert status == 0
    assert table["this"]["operations"] == {"x": 900, "y": 60, "z": 7}
    assert guard({"x": 900, "y": 60, "z": 7})[0] == 0


def test_a_new_operation_is_named(guard):
    status, output, _, _ = guard({"x": 1000, "y": 50, "z": 7})
    assert status == 0
    assert "not in the table yet: z; make bench-check UPDATE=1" in output


def test_a_python_without_figures_is_left_out(guard, monkeypatch):
    monkeypatch.setattr(command, "kind_of_python", lambda: "another")
    status, output, _, _ = guard({"x": 1})
    assert status == 0
    assert "skipped: the table has no figures for another" in output
    assert guard({"x": 1}, "--update")[3].keys() == {"this", "another"}


def test_without_valgrind_it_says_so(monkeypatch, capsys):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert command.main([]) == 0
    assert "bench-check skipped: needs valgrind" in capsys.readouterr().out


def test_interpreted_there_is_nothing_to_compare(guard, monkeypatch):
    monkeypatch.setattr(tulipa, "is_compiled", lambda: False)
    status, _, errors, _ = guard({"x": 1})
    assert status == 2
    assert "not compiled" in errors
