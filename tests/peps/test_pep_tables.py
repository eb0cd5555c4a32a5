"""The tables of docs/peps/ and the tests of tests/peps/ agree: clauses name tests that exist, each test is named."""

import ast
import itertools
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "peps").glob("pep-*.md"))
MODULES = sorted(set(pathlib.Path(__file__).parent.glob("test_*.py")) - {pathlib.Path(__file__)})
PEPS = ("0492", "0525", "0530", "0567", "3156")

# A clause without a test begins its second cell with one of these, and a reason follows.
REASONS = ("superseded: ", "withdrawn: ", "not for a loop: ", "not testable: ", "not on Linux: ")


def defined_tests(module):
    tree = ast.parse(module.read_text(encoding="utf-8"))
    return [
        node.name
        for node in tree.body
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_")
    ]


def rows(page):
    """(number of the line, clause, what holds it) of each row of the page's tables."""
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("|") and not line.startswith(("| clause |", "| --- |")):
            cells = [cell.strip() for cell in line.strip("|").split(" | ")]
            assert len(cells) == 2, f"{page.name}:{number}: a row has two cells"
            yield number, *cells


def named_tests(cell):
    return re.findall(r"`(test_\w+)`", cell)


def names_of(number):
    """The tests in the modules of one PEP."""
    modules = [module for module in MODULES if module.name.startswith(f"test_pep_{number.lstrip('0')}")]
    return {name for module in modules for name in defined_tests(module)}


def test_there_is_a_page_and_a_module_for_each_pep():
    assert [page.stem for page in PAGES] == [f"pep-{number}" for number in PEPS]
    for number in PEPS:
        assert names_of(number), f"no tests for PEP {number}"


def test_names_of_tests_are_unique():
    names = sorted(itertools.chain.from_iterable(map(defined_tests, MODULES)))
    assert len(names) == len(set(names)), sorted({name for name in names if names.count(name) > 1})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_clause_names_tests_that_exist_or_says_why_not(page):
    existing = names_of(page.stem.removeprefix("pep-"))
    wrong = []
    for number, clause, held_by in rows(page):
        named = named_tests(held_by)
        unknown = set(named) - existing
        if not clause or unknown or (not named and not held_by.startswith(REASONS)):
            wrong.append(f"{page.name}:{number}: {clause}: {held_by} {sorted(unknown)}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_test_is_named_in_its_table(page):
    named = {name for _, _, held_by in rows(page) for name in named_tests(held_by)}
    missing = names_of(page.stem.removeprefix("pep-")) - named
    assert not missing, f"{page.name} does not name {sorted(missing)}"
