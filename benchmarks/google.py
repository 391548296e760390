"""Google's C++ library, compiled at run time against the headers and static libraries inside the s2geometry wheel."""

import ctypes
import hashlib
import subprocess
from pathlib import Path

import numpy as np
import s2geometry

BUILD = Path(__file__).resolve().parents[1] / "build" / "google"

SOURCE = r"""
#include <algorithm>
#include <cstdint>
#include <cstddef>
#include <cstring>
#include <vector>
#include "s2/s2cell.h"
#include "s2/s2cell_id.h"
#include "s2/s2latlng.h"

extern "C" {

void latlng_to_cell(const double* lat, const double* lng, uint64_t* out, size_t n) {
  for (size_t k = 0; k < n; ++k) out[k] = S2CellId(S2LatLng::FromDegrees(lat[k], lng[k])).id();
}

void cell_to_latlng(const uint64_t* cell, double* out, size_t n) {
  for (size_t k = 0; k < n; ++k) {
    const S2LatLng at = S2CellId(cell[k]).ToLatLng();
    out[2 * k] = at.lat().degrees();
    out[2 * k + 1] = at.lng().degrees();
  }
}

void cell_vertices(const uint64_t* cell, double* out, size_t n) {
  for (size_t k = 0; k < n; ++k) {
    const S2Cell c{S2CellId(cell[k])};
    for (int v = 0; v < 4; ++v) {
      const S2LatLng at(c.GetVertex(v));
      out[8 * k + 2 * v] = at.lat().degrees();
      out[8 * k + 2 * v + 1] = at.lng().degrees();
    }
  }
}

size_t cell_to_token(const uint64_t* cell, char* out, size_t n) {
  size_t total = 0;
  for (size_t k = 0; k < n; ++k) {
    const std::string token = S2CellId(cell[k]).ToToken();
    total += token.size();
    out[k] = token[0];
  }
  return total;
}

void cell_parent(const uint64_t* cell, int level, uint64_t* out, size_t n) {
  for (size_t k = 0; k < n; ++k) out[k] = S2CellId(cell[k]).parent(level).id();
}

void cell_edge_neighbors(const uint64_t* cell, uint64_t* out, size_t n) {
  for (size_t k = 0; k < n; ++k) {
    S2CellId around[4];
    S2CellId(cell[k]).GetEdgeNeighbors(around);
    for (int e = 0; e < 4; ++e) out[4 * k + e] = around[e].id();
  }
}

void cell_all_neighbors(const uint64_t* cell, uint64_t* out, size_t n, bool in_order) {
  std::vector<S2CellId> around;
  for (size_t k = 0; k < n; ++k) {
    const S2CellId id(cell[k]);
    around.clear();
    id.AppendAllNeighbors(id.level(), &around);
    if (in_order) std::sort(around.begin(), around.end());
    for (size_t e = 0; e < around.size(); ++e) out[8 * k + e] = around[e].id();
  }
}

void token_to_cell(const char* token, uint64_t* out, size_t n) {
  for (size_t k = 0; k < n; ++k) {
    out[k] = S2CellId::FromToken(absl::string_view(token + 16 * k, strnlen(token + 16 * k, 16))).id();
  }
}

}  // extern "C"
"""


def compile_library(code=SOURCE, *options):
    """Functions as a ctypes library; built once, and again when they change."""
    wheel = Path(s2geometry.__file__).parent
    name = hashlib.sha256("\n".join((code, *options)).encode()).hexdigest()[:12]
    library = BUILD / f"google_{name}.so"
    if not library.exists():
        BUILD.mkdir(parents=True, exist_ok=True)
        source = library.with_suffix(".cpp")
        source.write_text(code)
        archives = [str(path) for path in sorted(wheel.glob("lib*/*.a"))]
        flags = ["-std=c++17", "-O3", "-DNDEBUG", "-fPIC", "-shared", f"-I{wheel / 'include'}", *options]
        # Hidden, or symbols of the wheel's own module, which is loaded too, would take their place.
        libraries = ["-Wl,--exclude-libs,ALL", "-Wl,--start-group", *archives, "-Wl,--end-group", "-lpthread"]
        subprocess.run(["g++", *flags, str(source), *libraries, "-o", str(library)], check=True)
    return ctypes.CDLL(str(library))


def pointer(array):
    return ctypes.c_void_p(array.ctypes.data)


class Google:
    """Google's functions over numpy arrays."""

    def __init__(self):
        self._library = compile_library()
        self._library.cell_to_token.restype = ctypes.c_size_t

    def latlng_to_cell(self, lat, lng, out=None):
        out = np.empty(len(lat), np.uint64) if out is None else out
        self._library.latlng_to_cell(pointer(lat), pointer(lng), pointer(out), ctypes.c_size_t(len(lat)))
        return out

    def cell_to_latlng(self, cell, out=None):
        out = np.empty((len(cell), 2)) if out is None else out
        self._library.cell_to_latlng(pointer(cell), pointer(out), ctypes.c_size_t(len(cell)))
        return out

    def cell_vertices(self, cell, out=None):
        out = np.empty((len(cell), 4, 2)) if out is None else out
        self._library.cell_vertices(pointer(cell), pointer(out), ctypes.c_size_t(len(cell)))
        return out

    def cell_to_token(self, cell):
        out = np.empty(len(cell), np.uint8)
        return self._library.cell_to_token(pointer(cell), pointer(out), ctypes.c_size_t(len(cell)))

    def cell_parent(self, cell, level, out=None):
        out = np.empty(len(cell), np.uint64) if out is None else out
        self._library.cell_parent(pointer(cell), ctypes.c_int(level), pointer(out), ctypes.c_size_t(len(cell)))
        return out

    def cell_edge_neighbors(self, cell, out=None):
        out = np.empty((len(cell), 4), np.uint64) if out is None else out
        self._library.cell_edge_neighbors(pointer(cell), pointer(out), ctypes.c_size_t(len(cell)))
        return out

    def cell_all_neighbors(self, cell, out=None, *, in_order=True):
        out = np.empty((len(cell), 8), np.uint64) if out is None else out
        arguments = pointer(cell), pointer(out), ctypes.c_size_t(len(cell)), ctypes.c_bool(in_order)
        self._library.cell_all_neighbors(*arguments)
        return out

    def token_to_cell(self, token, out=None):
        """Cells of an array of S16."""
        out = np.empty(len(token), np.uint64) if out is None else out
        self._library.token_to_cell(pointer(token), pointer(out), ctypes.c_size_t(len(token)))
        return out
