"""A set of small numbers, such as descriptors."""


class NumberSet:
    """Numbers from 0 on: a byte for each up to the greatest, where a set would take about eighty for each member."""

    def __init__(self):
        self._marks = bytearray()

    def add(self, number):
        """Put `number` in, 0 or greater."""
        missing = number + 1 - len(self._marks)
        if missing > 0:
            self._marks += bytes(max(missing, len(self._marks)))
        self._marks[number] = 1

    def discard(self, number):
        """Take `number` out, if it is in."""
        if 0 <= number < len(self._marks):
            self._marks[number] = 0

    def has(self, number):
        """Whether `number` is in."""
        return 0 <= number < len(self._marks) and self._marks[number] == 1
