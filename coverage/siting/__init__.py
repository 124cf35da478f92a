"""Where to open new sites: exact models with a proven bound, on arrays of who reaches whom.

Covering: `mclp` (most residents for a number of sites or a budget), `lscp` (fewest or cheapest for all),
`partial_cover` (cheapest for a share). Distance: `p_median`, `p_center`, `p_dispersion`. Every plan's status
follows from its own bound; `certificate` and the ``certify_…`` functions recompute both without a solver.
"""

from __future__ import annotations

from .center import center_radius, certify_center, p_center, p_center_with_proof
from .dispersion import certify_dispersion, dispersion_distance, p_dispersion, p_dispersion_with_proof
from .median import p_median, p_median_with_proof
from .median_bounds import certify_median, median_cost
from .models import covered_weight, lscp, mclp
from .partial import partial_cover
from .plan import Plan

__all__ = [
    "Plan",
    "center_radius",
    "certify_center",
    "certify_dispersion",
    "certify_median",
    "covered_weight",
    "dispersion_distance",
    "lscp",
    "mclp",
    "median_cost",
    "p_center",
    "p_center_with_proof",
    "p_dispersion",
    "p_dispersion_with_proof",
    "p_median",
    "p_median_with_proof",
    "partial_cover",
]
