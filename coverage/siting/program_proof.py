"""The proof of a cover program's bound, and a checker that needs neither the search nor a solver.

The search keeps for each of its nodes what was fixed there and the multipliers of its relaxation. From the
program's arrays alone the checker recomputes the objective, whether the plan is allowed, and the bound of
every node by weak duality; then it follows the tree.

The bound of a node. For any multipliers ``l >= 0`` of the side constraints and ``u_r >= 0`` of the classes,
with ``b_g = max(0, t_value_g - (side_t^T l)_g)``, no plan in the node is worth more than::

    l @ limit + sum_r max_s (b_g phi_r(s) - u_r s)
      + max (x_value - side_x^T l + a^T u) @ x  over the x of the node
      + max (y_value - side_y^T l) @ y          over 0 <= y <= y_upper

(Lagrangian duality, Geoffrion 1974). With all values 0 a negative bound proves that the node holds no plan
(Farkas 1902). Every bound includes what rounding may hide: `ROUNDING` of the sum of its terms' sizes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .program import CoverProgram, cover_of
from .program_limits import is_whole, propagate, tolerance_of

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Positions = NDArray[np.int64]

ROUNDING = 1e-12
"""Share of the sum of the terms' sizes by which the bound is raised."""

_RANGE = 1e-7
"""Quantities and cover may leave their range by this share of it."""


@dataclass(frozen=True)
class Layer:
    """How classes are merged while some sites are open, or closed, for good."""

    member: Positions
    """(k,) merged class of each class; -1: its place is its shift."""
    shift: Positions
    """(k,) its sites that are open for good."""
    most: Positions
    """(k,) its sites that may be open."""


@dataclass(frozen=True)
class Record:
    """What the search used of one node."""

    parent: int
    """Record of the parent, earlier in the list; -1 at the root."""
    column: int
    """Site on which the parent was split; -1 where this node holds all plans of its parent."""
    on: bool
    """The site is open here."""
    opened: Mask
    closed: Mask
    """(n,) sites fixed when the node was reached."""
    kind: Literal["bound", "empty", "none"]
    """``bound`` of the values; ``empty``: with values 0; ``none``: no multipliers, see `propagate`."""
    layer: int
    """Which of the proof's layers gives the merged class of each class."""
    side: Positions
    price: Floats
    """Multipliers of these side constraints; the others' are 0."""
    place: NDArray[np.float32]
    """(merged classes,) where on its steps the multiplier of a class lies: see `slope_at`."""
    floor: float
    """Plans worth less than this are left out below this node."""


@dataclass(frozen=True)
class ProgramProof:
    """Why no plan is worth more than the bound; see `check_program`."""

    useless: Positions
    """Sites closed because opening them can only harm."""
    layers: tuple[Layer, ...]
    records: tuple[Record, ...]


@dataclass(frozen=True)
class Checked:
    """What the checker found."""

    objective: float
    """Of the plan, from the program's arrays; -inf where it is not allowed."""
    bound: float
    """What is proven: no plan is worth more; -inf where it is proven that there is none."""
    problems: tuple[str, ...]
    """Why the plan or the proof is wrong; empty where all holds."""


def slope_at(steps: Floats, most: Positions, place: Floats) -> Floats:
    """Give the multipliers of classes at some places on their steps, per unit of cover (k,).

    At place s (whole) it is step s + 1, of the steps that ``most`` sites can bring; between, it is in
    proportion. All slopes of the concave ``phi`` are reached, and classes with the same sites share a place:
    the multiplier of their sum is the sum of theirs.

    Examples
    --------
    >>> slope_at(np.array([[4.0, 1.0], [4.0, 1.0]]), np.array([2, 1]), np.array([0.5, 0.5])).tolist()
    [2.5, 2.0]
    """
    length = steps.shape[1]
    curve = np.hstack([np.where(np.arange(length) < most[:, None], steps, 0.0), np.zeros((len(steps), 2))])
    place = np.clip(place, 0.0, length)
    whole = np.floor(place).astype(np.int64)
    row, part = np.arange(len(steps)), place - whole
    result: Floats = curve[row, whole] * (1.0 - part) + curve[row, whole + 1] * part
    return result


def check_program(
    program: CoverProgram,
    opened: Mask | None,
    y: Floats,
    proof: ProgramProof,
    *,
    cover: Floats | None = None,
) -> Checked:
    """Recompute a plan's objective and feasibility, and the bound that a proof proves.

    Parameters
    ----------
    opened, y
        The plan: (n,) sites and (m,) quantities; None where no plan is claimed.
    proof
        From `Outcome.proof`.
    cover
        (G,) cover that the plan counts; without it all that its sites give.

    Examples
    --------
    >>> from boai.coverage.siting.program import ProgramBuilder
    >>> from boai.coverage.siting.program_search import solve_program
    >>> builder = ProgramBuilder(2)
    >>> t = builder.add_classes(csr_array(np.array([[1, 0], [1, 1], [0, 1]])), [1.0, 4.0, 2.0])
    >>> builder.require("名额 1 处", 1, x=([0, 1], 1.0))
    >>> program = builder.build(t=(t, 1.0))
    >>> found = solve_program(program)
    >>> check_program(program, found.opened, found.y, found.proof)
    Checked(objective=6.0, bound=6.0, problems=())
    """
    problems: list[str] = []
    objective = -np.inf
    if opened is not None:
        cover = cover_of(program, opened) if cover is None else cover
        problems = _plan_problems(program, opened, y, cover)
        objective = float(program.x_value @ opened + program.y_value @ y + program.t_value @ cover)
    tree = _Tree(program, proof)
    bound = tree.bound(problems)
    return Checked(objective, bound, tuple(problems))


def _plan_problems(program: CoverProgram, opened: Mask, y: Floats, cover: Floats) -> list[str]:
    problems = []
    scale = np.maximum(1.0, program.y_upper)
    if (y < -_RANGE * scale).any() or (y > program.y_upper + _RANGE * scale).any():
        problems.append("a quantity is out of its range")
    most = cover_of(program, opened)
    if (cover < -_RANGE).any() or (cover > most + _RANGE * np.maximum(1.0, most)).any():
        problems.append("more cover is counted than there is")
    excess = program.side @ np.r_[opened.astype(np.float64), y, cover] - program.limit
    for name in dict.fromkeys(program.names[i] for i in np.flatnonzero(excess > tolerance_of(program))):
        problems.append(f"the plan does not keep {name}")
    return problems


@dataclass(frozen=True)
class _Tests:
    """Bounds on the plans of a node, and on those in which one more site is open, or closed."""

    bound: float
    if_opened: Floats
    if_closed: Floats


@dataclass(frozen=True)
class _Node:
    """What is kept of a node that was bounded."""

    bound: float
    opened: Mask
    closed: Mask
    """(n,) fixed once plans below the floor are dropped."""
    rest: float
    """Bound on the plans that were not dropped."""
    if_opened: float
    if_closed: float
    """Bounds on its plans with the site open, or closed, on which it was split."""


class _Tree:
    """The nodes of a proof, each bounded anew."""

    def __init__(self, program: CoverProgram, proof: ProgramProof) -> None:
        self.program, self.proof = program, proof
        self.columns = csr_array(program.rows.T.tocsr())
        self.side_columns = csr_array(program.side.T.tocsr())
        self.side_sizes = abs(self.side_columns)
        self.tolerance = tolerance_of(program)
        length = program.steps.shape[1]
        self.height = np.hstack([np.zeros((len(program.steps), 1)), np.cumsum(program.steps, axis=1)])
        self.count = np.arange(length + 1)
        self.branches: list[dict[int, dict[bool, int]]] = [{} for _ in proof.records]

    def bound(self, problems: list[str]) -> float:
        """Follow the tree: the bound it proves."""
        program, records = self.program, self.proof.records
        wrong = [number for number, record in enumerate(records) if not self._well_formed(number, record)]
        if wrong or not records:
            problems += [f"record {number} does not fit the program" for number in wrong]
            return np.inf
        gone = np.zeros(program.n_sites, bool)
        gone[self.proof.useless] = True
        if (gone & ~self._harmful()).any():
            problems.append("a site was closed that may be of use")
            return np.inf
        for number, record in enumerate(records):
            if number:
                self.branches[record.parent].setdefault(record.column, {})[record.on] = number
        nodes: list[_Node] = []
        for number, record in enumerate(records):
            box = (np.zeros_like(gone), gone) if not number else self._box(record, nodes[record.parent])
            fixed = propagate(program, self.tolerance, *box)
            if fixed is not None and ((record.opened & ~fixed[0]).any() or (record.closed & ~fixed[1]).any()):
                problems.append(f"record {number} fixes more than is proven")
                return np.inf
            nodes.append(self._node(number, record, empty=fixed is None))
        bound = self._result(nodes)
        return float(np.floor(bound)) if is_whole(program) and np.isfinite(bound) else bound

    def _well_formed(self, number: int, record: Record) -> bool:
        """Tell whether a record has a parent before it and arrays of the right size with finite numbers."""
        program, layers = self.program, self.proof.layers
        n, q = program.n_sites, len(program.limit)
        fits = (0 <= record.parent < number) if number else record.parent == -1
        fits &= -1 <= record.column < n and record.opened.shape == record.closed.shape == (n,)
        fits &= record.side.shape == record.price.shape and not np.isnan(record.floor)
        fits &= bool(np.isfinite(record.price).all() and np.isfinite(record.place).all())
        fits &= bool(((record.side >= 0) & (record.side < q)).all())
        if record.kind == "none" or not fits:
            return fits
        layer = layers[record.layer] if 0 <= record.layer < len(layers) else None
        k = len(program.group)
        if layer is None or not len(layer.member) == len(layer.shift) == len(layer.most) == k:
            return False
        return bool(layer.member.max(initial=-1) < len(record.place) and layer.member.min(initial=0) >= -1)

    def _harmful(self) -> Mask:
        """Find the sites that serve no class of worth, cost and use up something: better closed (n,)."""
        program = self.program
        n, m = program.n_sites, program.n_quantities
        gains = program.t_value > 0
        side = program.side
        gains[side.indices[(side.data < 0) & (side.indices >= n + m)] - n - m] = True
        worth = program.steps[:, 0] * gains[program.group]
        helps = np.zeros(n, bool)
        helps[side.indices[(side.data < 0) & (side.indices < n)]] = True
        mask: Mask = (self.columns @ worth == 0) & (program.x_value <= 0) & ~helps
        return mask

    @staticmethod
    def _box(record: Record, parent: _Node) -> tuple[Mask, Mask]:
        """Give what is fixed in a node before its own constraints are looked at."""
        opened, closed = parent.opened.copy(), parent.closed.copy()
        if record.column >= 0:
            (opened if record.on else closed)[record.column] = True
        return opened, closed

    def _node(self, number: int, record: Record, *, empty: bool) -> _Node:
        """Bound a node, and find what is fixed in it where plans below the floor are dropped."""
        opened, closed, floor = record.opened, record.closed, record.floor
        if empty or record.kind == "none":
            bound = -np.inf if empty else np.inf
            return _Node(bound, opened, closed, bound, bound, bound)
        found = self._tests(record, opened, closed)
        if record.kind == "empty":
            bound = -np.inf if found.bound < 0.0 else np.inf
            return _Node(bound, opened, closed, bound, bound, bound)
        fewer = closed | (~opened & (found.if_opened < floor))
        more = opened | (~fewer & (found.if_closed < floor))
        rest = found.bound
        if (fewer & ~closed).any() or (more & ~opened).any():
            rest = max(min(rest, self._tests(record, more, fewer).bound), np.nextafter(floor, -np.inf))
        column = max(0, next(iter(self.branches[number]), -1))
        ifs = (
            (float(found.if_opened[column]), float(found.if_closed[column])) if len(opened) else (rest, rest)
        )
        return _Node(found.bound, more, fewer, rest, *ifs)

    def _tests(self, record: Record, opened: Mask, closed: Mask) -> _Tests:
        """Bound the plans of a node by its multipliers; see the formula above."""
        program = self.program
        n, m = program.n_sites, program.n_quantities
        valued = 1.0 if record.kind == "bound" else 0.0
        price = np.zeros(len(program.limit))
        price[record.side] = np.maximum(record.price, 0.0)
        priced = self.side_columns @ price
        worth = np.maximum(valued * program.t_value - priced[n + m :], 0.0)[program.group]
        layer = self.proof.layers[record.layer]
        place = np.r_[record.place.astype(np.float64), 0.0][layer.member] + layer.shift
        slope = worth * slope_at(program.steps, layer.most, place)
        possible = self.count <= (program.rows @ (~closed).astype(np.float64))[:, None]
        best = np.where(possible, worth[:, None] * self.height - slope[:, None] * self.count, 0.0).max(axis=1)
        reduced = valued * program.x_value - priced[:n] + self.columns @ slope
        y = np.maximum(valued * program.y_value - priced[n : n + m], 0.0) * program.y_upper
        used = np.where(opened, reduced, np.where(closed, 0.0, np.maximum(reduced, 0.0)))
        height = np.where(possible, worth[:, None] * self.height, 0.0).max(axis=1).sum()
        size = height + slope.sum() + self._size(price, slope, closed, valued)
        bound = float(price @ program.limit + best.sum() + used.sum() + y.sum() + ROUNDING * size)
        return _Tests(bound, bound + np.minimum(reduced, 0.0), bound - np.maximum(reduced, 0.0))

    def _size(self, price: Floats, slope: Floats, closed: Mask, valued: float) -> float:
        """Sum the sizes of a bound's terms on sites, quantities and limits: rounding is a share of them."""
        program = self.program
        n, m = program.n_sites, program.n_quantities
        priced = self.side_sizes @ price
        site = valued * np.abs(program.x_value) + priced[:n] + self.columns @ slope
        quantity = (valued * np.abs(program.y_value) + priced[n : n + m]) @ program.y_upper
        return float(price @ np.abs(program.limit) + site[~closed].sum() + quantity)

    def _result(self, nodes: list[_Node]) -> float:
        """Fold the tree from its leaves: what a node knows itself, or what its branches know together."""
        value = [node.rest for node in nodes]
        for number in range(len(nodes) - 1, -1, -1):
            node, split = nodes[number], self.branches[number]
            below = node.rest
            if -1 in split:
                below = max(value[child] for child in split[-1].values())
            elif split:
                ways = next(iter(split.values()))
                below = max(
                    value[ways[on]] if on in ways else min(node.rest, known)
                    for on, known in ((True, node.if_opened), (False, node.if_closed))
                )
            record = self.proof.records[number]
            if (node.opened != record.opened).any() or (node.closed != record.closed).any():
                below = max(below, float(np.nextafter(record.floor, -np.inf)))
            value[number] = min(node.bound, below)
        return value[0] if value else np.inf
