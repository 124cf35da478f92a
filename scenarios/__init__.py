"""What if: changes to an immutable world, their results and their comparison."""
