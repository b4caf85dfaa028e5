"""Search spaces: variables, architectures, and what follows from a declaration. Knows no torch."""

from archwright.space._arch import Arch
from archwright.space._choice import Choice
from archwright.space._constraints import Constraint
from archwright.space._encoding import Kind
from archwright.space._finite import Finite
from archwright.space._ordinal import Ordinal
from archwright.space._real import Real
from archwright.space._space import Space
from archwright.space._values import Value
from archwright.space._variable import Variable

__all__ = ["Arch", "Choice", "Constraint", "Finite", "Kind", "Ordinal", "Real", "Space", "Value", "Variable"]
