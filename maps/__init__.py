"""Draw results: pages, sheets and their style (never computes coverage)."""
