"""How a number gets in: one contract (source.py), one driver a file."""
