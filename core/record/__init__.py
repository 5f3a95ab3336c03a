"""The record for food-safety inspection: what was measured, the limits in force then, gaps, cases and who signed."""
