"""What several test modules share: the loops under test, the counting of what they leave, small tools."""
