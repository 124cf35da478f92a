"""Plan: what every siting model answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from .certificate import Certificate
from .proofs import CenterProof, DispersionProof, MedianProof, PartialProof

if TYPE_CHECKING:
    from .program_proof import ProgramProof

Status = Literal["optimal", "feasible", "infeasible"]


OPTIMAL_GAP = 1e-6
"""With fractional numbers a plan is called optimal when none can be better by more than this share."""


@dataclass(frozen=True)
class Plan:
    """Where to open sites, and what is proven about the plan."""

    sites: tuple[int, ...]
    """Positions of the candidates, in the order of their marginal gains."""
    gains: tuple[float, ...]
    """Residents that each site adds to those before it."""
    objective: float
    """Residents covered (MCLP) or cost of the sites (LSCP; without costs their number), recomputed from the
    input; NaN where infeasible."""
    bound: float
    """No plan covers more (MCLP) or costs less (LSCP) than this; NaN where infeasible."""
    status: Status
    """``optimal`` only where the bound proves it."""
    gap: float
    """Distance of objective and bound as a share of the larger; 0 where both are 0, NaN where infeasible."""
    reductions: dict[str, int]
    """What each reduction removed, by name."""
    note: str = ""
    """In Chinese: why nothing is feasible, or why fewer sites were opened than allowed."""
    seconds: float = field(default=0.0, compare=False)
    """Wall time."""
    certificate: (
        Certificate | ProgramProof | PartialProof | MedianProof | CenterProof | DispersionProof | None
    ) = field(default=None, compare=False, repr=False)
    """What proves the bound; `certificate.check` follows it, or `program_proof.check_program`, or the model's
    ``certify_…`` function. None where nothing is proven."""
