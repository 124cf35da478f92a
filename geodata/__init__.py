"""Where things are: from files to clean arrays (knows no limits, no plans)."""
