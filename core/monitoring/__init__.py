"""What a number means: limits, delays, cases."""
