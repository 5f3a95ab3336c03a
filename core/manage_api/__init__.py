"""The core as people and programs see it from outside, and what they may do to it."""
