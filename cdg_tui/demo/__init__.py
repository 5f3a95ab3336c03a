"""The demo: a shop that exists only on this machine, with a headquarters that fails part of the time."""
