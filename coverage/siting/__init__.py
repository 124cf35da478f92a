"""Where to open new sites: exact models with a proven bound, on arrays of who reaches whom.

Covering: `mclp` (most residents for a number of sites or a budget), `lscp` (fewest or cheapest for all),
`partial_cover` (for a share), `backup_cover`, `k_cover`, `expected_cover`, `gradual_cover`, `several_limits`,
`best_for_limits`, `shared_budget`, `capacitated_mclp`. Distance: `p_median`, `p_center`, `p_dispersion`,
`capacitated_p_median`. Years, doubt, fairness, supply: `phased_mclp`, `robust_mclp`, `fair_mclp`,
`supply_network`. Rules on any of them: `Rules`. What a plan is worth: `marginal_table`, `cover_curve`,
`best_plans`, `break_even`; all that no other plan beats: `cover_cost_front`, `cover_equity_front`. Every
plan's status follows from its own bound; `Plan.certificate` proves it.
"""

from __future__ import annotations

from .alternatives import Alternatives, k_best
from .alternatives_cover import best_plans
from .break_even import BreakEven, break_even
from .capacitated_cover import capacitated_mclp
from .capacitated_median import capacitated_p_median
from .center import center_radius, certify_center, p_center
from .cover import lscp, mclp, partial_cover
from .cover_backup import backup_cover, expected_cover, k_cover
from .cover_gradual import gradual_cover
from .cover_limits import best_for_limits, several_limits
from .cover_spacing import spacing
from .cover_types import Resource, shared_budget
from .dispersion import certify_dispersion, dispersion_distance, p_dispersion
from .fairness import fair_mclp
from .front import Front, cover_cost_front
from .front_equity import EquityFront, cover_equity_front
from .marginals import Marginals, marginal_table
from .marginals_curve import Curve, cover_curve
from .median import p_median
from .median_bounds import certify_median, median_cost
from .models import covered_weight
from .partial import certify_partial
from .phases import phased_mclp
from .phases_program import Phase
from .plan import Plan
from .robust import robust_mclp
from .robust_search import Situation
from .rules import Budget, Minimum, Quota, Rules, quotas_by
from .supply_network import supply_network
from .supply_network_types import Leg, Level, SupplyNetwork, SupplyPlan

__all__ = [
    "Alternatives",
    "BreakEven",
    "Budget",
    "Curve",
    "EquityFront",
    "Front",
    "Leg",
    "Level",
    "Marginals",
    "Minimum",
    "Phase",
    "Plan",
    "Quota",
    "Resource",
    "Rules",
    "Situation",
    "SupplyNetwork",
    "SupplyPlan",
    "backup_cover",
    "best_for_limits",
    "best_plans",
    "break_even",
    "capacitated_mclp",
    "capacitated_p_median",
    "center_radius",
    "certify_center",
    "certify_dispersion",
    "certify_median",
    "certify_partial",
    "cover_cost_front",
    "cover_curve",
    "cover_equity_front",
    "covered_weight",
    "dispersion_distance",
    "expected_cover",
    "fair_mclp",
    "gradual_cover",
    "k_best",
    "k_cover",
    "lscp",
    "marginal_table",
    "mclp",
    "median_cost",
    "p_center",
    "p_dispersion",
    "p_median",
    "partial_cover",
    "phased_mclp",
    "quotas_by",
    "robust_mclp",
    "several_limits",
    "shared_budget",
    "spacing",
    "supply_network",
]
