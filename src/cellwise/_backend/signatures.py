"""THE TABLE of kernels. Both backends have what it lists, with these names and arguments.

`KERNELS`, the first part, has one row for each elementwise kernel: the inputs, with the names that messages use, the
outputs, and the class that says how exact they are:

    exact   the same bits on every backend: cells, integers, tokens, and what + - * / sqrt make of them
    libm    sines and arctangents are in it: the scalar kernel and the numpy reference still give the same bits
    fast    as libm for scalars and with `exact=True`, else within 2 units in the last place of it

Type codes are numpy's: u8 a cell id, i4 a level or count, i8 a signed id, f8 a float, b1 a bool, S text of any width,
S16 text of that width; f8[4,2] is a fixed block per row, u8[] a run of any length (see `Ragged`); two codes after the
arrow are two results. Where an argument is missing or invalid the result is null: 0, -1, NaN, False, "X", an empty run.
"""

from __future__ import annotations

from dataclasses import dataclass, field

EXACT = "exact"
LIBM = "libm"
FAST = "fast"


@dataclass(frozen=True)
class Row:
    """One kernel: its name on every floor, its arguments and results."""

    name: str
    text: str
    exactness: str
    arguments: tuple[tuple[str, str], ...] = field(init=False)
    results: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        left, right = self.text.split(" -> ")
        object.__setattr__(self, "arguments", tuple(tuple(word.split(":")) for word in left.split()))
        object.__setattr__(self, "results", tuple(right.split()))

    @property
    def signature(self) -> str:
        """Types alone, as the native module derives them from the C++ kernels."""
        return " ".join(code for _, code in self.arguments) + " -> " + " ".join(self.results)

    @property
    def is_ragged(self) -> bool:
        """Whether each row of input makes a run of values."""
        return self.results[0].endswith("[]")


KERNELS = {
    row.name: row
    for row in (
        # conversion
        Row("latlng_to_cell", "lat:f8 lng:f8 level:i4 -> u8", EXACT),
        Row("cell_to_latlng", "cell:u8 -> f8 f8", FAST),
        Row("point_to_cell", "xyz:f8[3] level:i4 -> u8", EXACT),
        Row("cell_to_point", "cell:u8 -> f8[3]", EXACT),
        Row("cell_to_token", "cell:u8 -> S16", EXACT),
        Row("token_to_cell", "token:S -> u8", EXACT),
        Row("cell_to_int64", "cell:u8 -> i8", EXACT),
        Row("int64_to_cell", "i:i8 -> u8", EXACT),
        Row("cell_to_string", "cell:u8 -> S32", EXACT),
        Row("string_to_cell", "s:S -> u8", EXACT),
        # hierarchy
        Row("cell_is_valid", "id:u8 -> b1", EXACT),
        Row("cell_level", "cell:u8 -> i4", EXACT),
        Row("cell_face", "cell:u8 -> i4", EXACT),
        Row("cell_is_leaf", "cell:u8 -> b1", EXACT),
        Row("cell_parent", "cell:u8 level:i4 -> u8", EXACT),
        Row("cell_child", "cell:u8 k:i4 -> u8", EXACT),
        Row("cell_range_min", "cell:u8 -> u8", EXACT),
        Row("cell_range_max", "cell:u8 -> u8", EXACT),
        Row("cell_contains", "a:u8 b:u8 -> b1", EXACT),
        Row("cell_intersects", "a:u8 b:u8 -> b1", EXACT),
        Row("cell_common_ancestor", "a:u8 b:u8 -> u8", EXACT),
        Row("cell_children", "cell:u8 level:i4 -> u8[]", EXACT),
        # adjacency
        Row("cell_next", "cell:u8 -> u8", EXACT),
        Row("cell_prev", "cell:u8 -> u8", EXACT),
        Row("cell_advance", "cell:u8 n:i8 -> u8", EXACT),
        Row("cell_edge_neighbors", "cell:u8 -> u8[4]", EXACT),
        Row("cell_vertex_neighbors", "cell:u8 level:i4 -> u8[]", EXACT),
        Row("cell_all_neighbors", "cell:u8 level:i4 -> u8[]", EXACT),
        Row("cell_disk", "cell:u8 k:i4 -> u8[]", EXACT),
        Row("cell_ring", "cell:u8 k:i4 -> u8[]", EXACT),
        # geometry
        Row("cell_ij", "cell:u8 -> i4 i4", EXACT),
        Row("cell_vertices", "cell:u8 -> f8[4,2]", FAST),
        Row("cell_bounds", "cell:u8 -> f8[4]", LIBM),
        Row("cell_area", "cell:u8 -> f8", EXACT),
        Row("cell_distance", "a:u8 b:u8 -> f8", LIBM),
        Row("latlng_distance", "lat1:f8 lng1:f8 lat2:f8 lng2:f8 -> f8", LIBM),
    )
}

# The second part: functions and classes of whole arrays. Arrays, counts and options that a kernel takes are checked
# above it; what it returns is documented where `_reference` defines it.
FUNCTIONS = (
    # sets of cells
    "normalize_cells(cells)",
    # limits of coverings, and coverings of rows of geometries
    "candidate_limit(options, area)",
    "certified_rows(chains)",
    "cover_rows(chains, options, edges, oriented, radius, is_checked)",
    # rows grouped by cell
    "count_cells(cells, level)",
    "factorize_pairs(a, b, n_a, n_b)",
    "sum_by_group(group, y, weight, n_groups)",
    "add_sums(group, sums, n_groups)",
    "take(table, number)",
    # shrinkage
    "level_terms(statistic, level_sums, held_out, n_folds)",
    "shrink_level(statistic, level_sums, held_out, m, prior, parent_estimates, pair_parent_estimates, own_estimates, "
    "support, level, pair_estimates)",
)

# What the backend makes of a region. The reference's shapes are the list of them; native ones have the same arguments.
SHAPE = ("area()", "contains(lat, lng, out)", "cover(options)")

CLASSES = {
    # where cells stand among sorted ones
    "CellIndex": (
        "CellIndex(cells)",
        "lookup(cells, level, out)",
        "ancestors_in(cells)",
        "ancestors_in_one(cell)",
    ),
    # the nearest of many places
    "NeighborTree": (
        "NeighborTree(places)",
        "nearest(queries, rows, arcs)",
        "within(queries, radius)",
    ),
}
