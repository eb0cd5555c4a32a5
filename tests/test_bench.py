"""The benchmark tells the truth: wrong bytes are errors, figures are right, and what is missing is said."""

import asyncio
import contextlib
import json
import random
import socket
import sys
import threading

import pytest
from helpers.benchmarks import drive, program

from bench import clock, report, runner, summary, table
from bench.__main__ import main
from bench.contenders import CONTENDERS, Contender, by_name
from bench.machine import Cores
from bench.process import ask, child_command, serving
from bench.row import Failed, Row, Sample, Settings, Skipped
from bench.rows import all_rows, select

pytestmark = pytest.mark.xdist_group("bench")  # what it measures with keeps a core busy: one at a time

SIZE = 1024


@pytest.fixture(scope="module")
def load():
    """The compiled load generator."""
    return program("load")


# --- the load generator ---

@contextlib.contextmanager
def echo_in_thread(answer):
    """A server for one connection; `answer(number, message)` gives the bytes to send back, None to close."""
    def conversation():
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as incoming:
            number = 0
            while message := incoming.read(SIZE):
                reply = answer(number, message)
                if reply is None:
                    return
                with contextlib.suppress(ConnectionError):       # the generator leaves at the first error
                    connection.sendall(reply)
                number += 1

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        thread = threading.Thread(target=conversation)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            thread.join()


def flip_one_bit(number, message):
    if number != 3:
        return message
    changed = bytearray(message)
    changed[700] ^= 1
    return bytes(changed)


def repeat_the_first():
    first = []

    def answer(number, message):
        first.append(message)
        return first[0]

    return answer


def test_honest_echo_is_measured(load):
    with echo_in_thread(lambda number, message: message) as port:
        result = drive(load, port, 1, SIZE)
    assert result["requests"] > 0
    assert result["seconds"] >= 0.05
    assert result["server_cpu"] > 0
    assert result["left_open"] == 0
    assert 0 < result["p50_us"] <= result["p99_us"] <= result["max_us"] * 1.04      # buckets are 3 % wide
    assert sum(count for _, count in result["histogram"]) == result["requests"]


@pytest.mark.parametrize("answer, complaint", [
    (flip_one_bit, r"message 4: wrong byte at offset 700 \(expected 0x"),
    (repeat_the_first(), r"message 2: wrong byte at offset"),
    (lambda number, message: message + b"!", r"1025 bytes came back, more than the 1024 expected"),
    (lambda number, message: message if number < 2 else None, r"closed by the server after 0 of 1024 bytes"),
], ids=["changed byte", "stale message", "byte too many", "early close"])
def test_wrong_echo_is_an_error(load, answer, complaint):
    with echo_in_thread(answer) as port, pytest.raises(Failed, match=complaint):
        drive(load, port, 1, SIZE, seconds=5)


def test_limit_server_echoes_on_many_connections(load):
    with serving([str(program("echo"))], None) as server:
        result = drive(load, server.answer["port"], 20, SIZE, pid=server.pid)
        server.check()
    assert result["requests"] >= 20
    assert result["left_open"] == 0


# --- figures ---

def samples(*values, **details):
    return [Sample(value, {name: numbers[i] for name, numbers in details.items()}, [(1.0, 2), (value, 1)])
            for i, value in enumerate(values)]


def test_ratio_of_medians_where_more_is_better():
    figures = summary.summarise(samples(300, 100, 200, p50_us=[7, 9, 8]), samples(100, 50, 200), True)
    assert figures["median"] == 200
    assert figures["ratio"] == 2.0                               # 200 / 100, not a mean of the rounds
    assert figures["ratio_spread"] == [1.0, 3.0]
    assert figures["p50_us"] == 8
    assert figures["rounds"] == [300, 100, 200]
    assert figures["histogram_us"] == [[1.0, 6], [100, 1], [200, 1], [300, 1]]


def test_ratio_of_times_is_turned_round():
    figures = summary.summarise(samples(50, 25), samples(100, 200), False)
    assert figures["ratio"] == 4.0                               # 150 / 37.5
    assert figures["ratio_spread"] == [2.0, 8.0]


def test_without_baseline_there_is_no_ratio():
    assert "ratio" not in summary.summarise(samples(1, 2, 3), None, True)


def row_of(higher_is_better=True, **values):
    return {"higher_is_better": higher_is_better,
            "results": {name: {"median": value} if value else {"skipped": ""} for name, value in values.items()}}


def test_without_the_baseline_the_best_other_is_compared_with():
    row = row_of(c=900, std=100, uvloop=200, rloop=300, tulipa=400)
    assert summary.ratios_of(row, "uvloop") == ({"c": 4.5, "std": 0.5, "uvloop": 1, "rloop": 1.5, "tulipa": 2}, False)
    row = row_of(c=900, std=100, uvloop=None, rloop=200, tulipa=400)
    assert summary.ratios_of(row, "uvloop") == ({"c": 4.5, "std": 0.5, "rloop": 1, "tulipa": 2}, True)
    row = row_of(False, std=100, uvloop=None, rloop=20, tulipa=10)
    assert summary.ratios_of(row, "uvloop") == ({"std": 0.2, "rloop": 1, "tulipa": 2}, True)
    assert summary.ratios_of(row_of(c=900, uvloop=None, tulipa=1), "uvloop") == ({}, True)


def test_columns_are_cut_between_groups():
    rows = [{"group": group, "title": str(i)} for group, count in [("a", 5), ("b", 2), ("c", 3)] for i in range(count)]
    left, right = summary.columns_of(rows)
    assert [row["group"] if kind == "group" else row["title"] for kind, row in left] == ["a", "0", "1", "2", "3", "4"]
    assert [row["group"] if kind == "group" else row["title"] for kind, row in right] == \
        ["b", "0", "1", "c", "0", "1", "2"]
    assert summary.columns_of([]) == ([], [])


def test_the_spread_is_in_the_table():
    assert table.main_cell({"median": 8123, "ratio": 2.0, "ratio_spread": [1.5, 2.5]}) == "8,123  2.00× ±25%"
    assert table.main_cell({"median": 4.25}) == "4.25"


def test_published_figures_have_no_histograms():
    result = {"baseline": "std", "rows": [{"name": "x", "results": {"std": {"median": 1, "histogram_us": [[1, 2]]}}}]}
    assert report.without_histograms(result) == \
        {"baseline": "std", "rows": [{"name": "x", "results": {"std": {"median": 1}}}]}


def test_geometric_mean():
    assert summary.geometric_mean([0.5, 2.0]) == pytest.approx(1.0)
    assert summary.geometric_mean([4.0, 1.0]) == pytest.approx(2.0)


def test_clock_counts_what_was_really_done():
    async def honest(count):
        for _ in range(count):
            await asyncio.sleep(0)
        return count

    async def lazy(count):
        return count - 1

    figures = asyncio.run(clock.time_workload(honest, 0.01))
    assert figures["operations"] >= clock.BATCHES
    with pytest.raises(RuntimeError, match="did 99 of 100 operations"):
        asyncio.run(clock.time_workload(lazy, 0.01))


# --- rounds ---

class Recorder(Row):
    def __init__(self, behaviour=None):
        super().__init__("recorder", "test", "recorder", "things", higher_is_better=True)
        self.behaviour = behaviour or {}
        self.order = []

    def refuses(self, contender):
        return "no reason" if contender.name == "c" else None

    def measure(self, contender, settings):
        self.order.append(contender.name)
        if contender.name in self.behaviour:
            raise self.behaviour[contender.name]
        return Sample(1.0)


def run_rounds(row, rounds, listener=lambda *event: None):
    settings = Settings(0.0, 0.0, Cores(None, None))
    return runner.run([row], CONTENDERS, rounds, settings, random.Random(1), listener, listener)


def test_contenders_take_turns_in_changing_order():
    row = Recorder()
    outcomes, complete = run_rounds(row, 8)
    assert complete == 8
    size = len(CONTENDERS) - 1                                   # the raw C server refuses this row
    turns = [tuple(row.order[i:i + size]) for i in range(0, len(row.order), size)]
    assert len(turns) == 8
    assert all(len(set(turn)) == size for turn in turns)
    assert len(set(turns)) > 1
    assert outcomes["recorder", "c"].skipped == "no reason"
    assert len(outcomes["recorder", "std"].samples) == 8


def test_who_fails_or_can_not_is_not_measured_again():
    row = Recorder({"uvloop": Failed("broke"), "rloop": Skipped("has no such call")})
    outcomes, _ = run_rounds(row, 3)
    assert (row.order.count("uvloop"), row.order.count("rloop"), row.order.count("std")) == (1, 1, 3)
    assert outcomes["recorder", "uvloop"].failed == "broke"
    assert outcomes["recorder", "rloop"].skipped == "has no such call"


def test_exact_rows_have_fewer_rounds():
    row = Recorder()
    row.most_rounds = 2
    outcomes, complete = run_rounds(row, 5)
    assert complete == 5
    assert len(outcomes["recorder", "std"].samples) == 2
    assert runner.turns([row, Recorder()], 5) == 7


def test_the_estimate_counts_who_takes_part():
    settings = Settings(1.0, 0.5, Cores(None, None))
    row = Recorder()
    row.duration = lambda settings: settings.seconds + settings.warmup
    assert runner.estimate([row], CONTENDERS, 3, settings) == 3 * 1.5 * (len(CONTENDERS) - 1)    # not the raw C server
    row.most_rounds = 2
    assert runner.estimate([row], CONTENDERS, 3, settings) == 2 * 1.5 * (len(CONTENDERS) - 1)


def test_interrupting_keeps_the_complete_rounds():
    def interrupt(number, row, contender, outcome):
        if number == 3:
            raise KeyboardInterrupt

    outcomes, complete = run_rounds(Recorder(), 5, interrupt)
    assert complete == 2
    assert len(outcomes["recorder", "std"].samples) == 2


# --- who is missing, and what is not there ---

def test_missing_contenders_say_why():
    absent = Contender("x", "x", "#000", module="no_such_loop")
    assert absent.missing() == "not installed: pip install no_such_loop"
    newer = Contender("x", "x", "#000", module="asyncio", requires_python=(9, 1))
    assert newer.missing().startswith("needs Python 9.1 or later, this is 3.")
    assert by_name("std").missing() is None
    with pytest.raises(KeyError, match="there are: c, std, uvloop"):
        by_name("nobody")


def test_unsupported_is_a_skip_and_a_crash_a_failure():
    with pytest.raises(Skipped, match="no such call"):
        ask([sys.executable, "-c", """print('{"unsupported": "no such call"}')"""], None)
    with pytest.raises(Failed, match="ZeroDivisionError"):
        ask([sys.executable, "-c", "1/0"], None)


def test_server_that_can_not_start_is_a_failure():
    with (pytest.raises(Failed, match="No module named 'bench.servers.nothing'"),
          serving(child_command("serve", "std", "nothing"), None)):
        pytest.fail("a server without a module has started")


def test_rows_are_chosen_by_name_or_group():
    rows = all_rows()
    assert [row.name for row in select(["sleep0", "streams-10x*"], rows)] == \
        ["streams-10x1KiB", "streams-10x64KiB", "sleep0"]
    assert {row.group for row in select(["scheduler"], rows)} == {"scheduler"}
    with pytest.raises(ValueError, match="no row matches 'nothing'"):
        select(["nothing"], rows)


def test_only_results_are_drawn_again(tmp_path):
    other = tmp_path / "other.json"
    other.write_text('{"format": 0}')
    with pytest.raises(ValueError, match="is not a result of the benchmark in format"):
        report.read(other)
    with pytest.raises(ValueError, match="No such file"):
        report.read(tmp_path / "missing.json")


@pytest.mark.usefixtures("load")
def test_tiny_run_writes_every_field(tmp_path, capsys):
    status = main(["--contenders", "c,std", "--rows", "protocol-1x1KiB,sleep0", "--rounds", "2",
                   "--seconds", "0.05", "--warmup", "0.01", "--seed", "7", "--output", str(tmp_path)])
    assert status == 0
    result = json.loads((tmp_path / "bench.json").read_text())
    assert result["settings"].items() >= {"rounds": 2, "seconds": 0.05, "warmup": 0.01, "seed": 7}.items()
    assert result["baseline"] == "std"
    assert {"cpu", "kernel", "python", "libc", "cores"} <= result["machine"].keys()
    assert result["versions"]["std"]["loop"] == "asyncio.unix_events._UnixSelectorEventLoop"
    assert report.read(tmp_path / "bench.json") == result
    echo, sleep0 = result["rows"]
    assert echo["results"]["std"].keys() >= {
        "median", "ratio", "ratio_spread", "rounds", "wall_rps", "server_busy", "generator_busy", "p50_us",
        "p99_us", "histogram_us"}
    assert echo["results"]["std"]["ratio"] == 1.0
    assert len(echo["results"]["c"]["rounds"]) == 2
    assert sleep0["results"]["c"] == {"skipped": "it has no scheduler"}
    assert sleep0["results"]["std"].keys() >= {"median", "ratio", "rounds", "wall_ns", "operations"}
    printed = capsys.readouterr().out
    assert "requests per server-CPU-second" in printed
    assert "sleep(0)" in printed
