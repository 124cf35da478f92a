"""The target ledger: the plan, how far it is, the December forms of the cities and their collection."""
