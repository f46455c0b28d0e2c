"""What operators ask of a system, as functions that return reports."""
