"""An extraction's truth: every row, study and instance, in SQLite."""
