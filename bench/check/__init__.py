"""The guard against becoming slower: instructions per operation, counted by valgrind, against table.json.

Counts, unlike times, do not depend on what else the machine does, nor on its speed. The kernel's part is not in them.
`make bench-check` is the command.
"""
