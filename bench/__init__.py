"""Benchmarks of tulipa against other event loops: ``python -m bench`` from the root of the repository.

README.md beside this file says what is measured, how, and how to add a row or a contender.
"""
