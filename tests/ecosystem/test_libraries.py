"""Each library's program, unmodified, on the standard library's asyncio as the reference, and on tulipa in each way.

The programs are in programs/; support.py there tells what is checked of each scenario, and whose classes it may use.
"""

import pytest
from helpers.cases import tulipa
from helpers.ecosystem import LIBRARIES, MODES, run_program


def cases():
    for library in LIBRARIES:
        # Who starts a server keeps it for its own.
        marks = [pytest.mark.xdist_group(library.server)] if library.server else []
        for mode in MODES:
            yield pytest.param(library, mode, id=f"{library.name}-{mode}".replace(" ", "-"), marks=marks)


@pytest.mark.parametrize(("library", "mode"), list(cases()))
def test_library(library, mode, request, record_property):
    record_property("ecosystem", (library.name, mode))
    if mode != "standard" and tulipa is None:
        pytest.skip("tulipa isn't installed")
    if missing := library.missing():
        pytest.skip(f"not installed: {', '.join(missing)}; `make ecosystem` runs with all of them")
    settings = {}
    if library.server and (place := request.getfixturevalue(library.server)):
        settings[f"ECOSYSTEM_{library.server.upper()}"] = str(place)
    finished = run_program(library, mode, **settings)
    assert finished.returncode == 0, finished.stdout
    assert "passed" in finished.stdout or "\nOK\n" in finished.stdout, finished.stdout
