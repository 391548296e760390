"""Maps of cells, coverings and features: axes in, artists out."""

from ..inputs import import_extra

import_extra("matplotlib", "plot")

from .cell_id import plot_cell_id  # noqa: E402
from .cells import plot_cells  # noqa: E402
from .covering import plot_covering  # noqa: E402
from .features import plot_features  # noqa: E402
from .hilbert import plot_hilbert  # noqa: E402

__all__ = ["plot_cell_id", "plot_cells", "plot_covering", "plot_features", "plot_hilbert"]
