"""Change of the PRF with its width: focus, and jitter within an exposure.

A PRF that is blurred a little more, or less, has other second moments M and the same sum:

    R'(x) = R(x) + m_rr R_rr(x) / 2 + m_rc R_rc(x) + m_cc R_cc(x) / 2 ,

with the changes m of the moments. In place of the derivatives there are differences over half a pixel: PRFs are rough
from sample to sample, and the response to a blur by s is that of differences over 3^(1/2) s up to fourth order in the
spatial frequency.
"""

from photometry.scene.star_expansion import VALUE, Stencil

__all__ = ["N_WIDTH", "WIDENING"]

#: Step of the differences, pixels.
_STEP = 0.5
_FIRST = Stencil((-_STEP, _STEP), (-0.5 / _STEP, 0.5 / _STEP))
_HALF_SECOND = Stencil((-_STEP, 0.0, _STEP), (0.5 / _STEP**2, -1.0 / _STEP**2, 0.5 / _STEP**2))
#: Change of the PRF with the second moment along rows, crossed, and along columns: differences along rows and columns.
WIDENING: tuple[tuple[Stencil, Stencil], ...] = ((_HALF_SECOND, VALUE), (_FIRST, _FIRST), (VALUE, _HALF_SECOND))
#: Number of second moments.
N_WIDTH = len(WIDENING)
