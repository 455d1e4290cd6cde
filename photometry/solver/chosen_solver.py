"""Which solver the fit and the motion use: the only place that names it."""

from photometry.solver.node_solver import NodeSolver
from photometry.solver.node_system import NodeSystem

__all__ = ["SOLVER"]

#: Class of the linear system of a node.
SOLVER: type[NodeSolver] = NodeSystem
