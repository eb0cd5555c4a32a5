"""Runs tests of test.test_asyncio with tulipa in asyncio's place, and tells of each how it went.

    python worker.py TEST …        on descriptor CONFORMANCE_REPORT: a line as each test starts and ends

A test that hangs or takes the process along is the parent's business: it knows which one was running.
"""

import gc
import os
import signal
import sys
import traceback
import unittest
import warnings

PACKAGE = "test.test_asyncio"


class Reporter(unittest.TestResult):
    """Writes "start" and "end" lines for the parent, an outcome a test."""

    def __init__(self, report):
        super().__init__()
        self._report = report
        self._outcome = None
        self._details = ""

    def say(self, *words):
        self._report.write("\t".join(words) + "\n")
        self._report.flush()

    def startTest(self, test):
        super().startTest(test)
        self._outcome, self._details = "passed", ""
        self.say("start", name_of(test))

    def stopTest(self, test):
        super().stopTest(test)
        self.say("end", name_of(test), self._outcome, self._details)
        # What this test has left is not to be destroyed, with a warning, while another one counts warnings.
        gc.collect()

    def _note(self, outcome, error=None):
        if self._outcome in (None, "passed"):
            self._outcome = outcome
            self._details = "" if error is None else brief(error)

    def addError(self, test, err):
        super().addError(test, err)
        if self._outcome is None:
            self.say("end", str(test), "failed", brief(err))  # a fixture of a class or a module
        self._note("failed", err)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._note("failed", err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._note("failed", err)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._note("skipped")

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self._note("failed")


def name_of(test):
    return test.id().removeprefix(f"{PACKAGE}.")


def brief(error):
    """The end of a traceback, on one line."""
    lines = "".join(traceback.format_exception(*error)).strip()
    if os.environ.get("CONFORMANCE_VERBOSE"):
        sys.stderr.write(lines + "\n\n")
    where = traceback.extract_tb(error[2])
    place = f"{os.path.basename(where[-1].filename)}:{where[-1].lineno} " if where else ""
    text = (str(error[1]).strip().splitlines() or [""])[0]
    return f"{place}{error[0].__name__}: {text}"[:300].replace("\t", " ")


def cases_of(module):
    """All tests of a module of the package, in order."""
    waiting = [unittest.defaultTestLoader.loadTestsFromName(f"{PACKAGE}.{module}")]
    while waiting:
        item = waiting.pop(0)
        if isinstance(item, unittest.TestSuite):
            waiting[:0] = list(item)
        elif type(item).__name__ == "_FailedTest":
            raise SystemExit(f"{module} can't be imported: {item._exception}")
        else:
            yield item


def main():
    # Undo what a shell does for background jobs, and nohup: tests interrupt themselves, and hang up.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    report = open(int(os.environ["CONFORMANCE_REPORT"]), "w")
    os.set_inheritable(report.fileno(), False)
    import tulipa

    tulipa.install()
    from conformance import adapted

    adapted.adapt()
    if os.environ.get("CONFORMANCE_PACKAGE"):
        # The tests of another release; the utilities, loaded already, stay those of this one.
        sys.modules[PACKAGE].__path__[:] = [os.environ["CONFORMANCE_PACKAGE"]]
        # What its modules look for when they are loaded, new in Python 3.12.
        tasks = sys.modules["asyncio.tasks"]
        vars(tasks).setdefault("_py_current_task", tasks.current_task)
    # As test.regrtest does.
    warnings.simplefilter("default")
    names = sys.argv[1:]
    if names[0] == "--list":
        for module in names[1:]:
            for test in cases_of(module):
                report.write(f"{name_of(test)}\n")
        report.close()
        return
    try:
        by_name = {name_of(test): test for module in sorted({name.partition(".")[0] for name in names})
                   for test in cases_of(module)}
    except (Exception, SystemExit):
        if not os.environ.get("CONFORMANCE_PACKAGE"):
            raise
        # A later release's module may need what this one has not.
        report.writelines(f"end\t{name}\tskipped\t\n" for name in names)
        report.close()
        return
    unittest.TestSuite(by_name[name] for name in names).run(Reporter(report))
    report.flush()
    os._exit(0)  # threads that a failed test left don't matter any more


if __name__ == "__main__":
    main()
