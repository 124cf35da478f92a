"""Where next: exact siting models with proven bounds over plain sparse arrays."""

from .models import Plan, covered_weight, lscp, mclp

__all__ = ["Plan", "covered_weight", "lscp", "mclp"]
