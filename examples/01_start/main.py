"""Latitude/longitude records in, binary cell features and maps out: the main job, whole.

    python examples/01_start/main.py [FOLDER]

prints what it finds and writes three figures into FOLDER (default: out).
"""

import sys
from pathlib import Path

import airportsdata
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from cartopy.crs import PlateCarree
from matplotlib.colors import LogNorm
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

import cellwise as cw
from cellwise.features import CellEncoder
from cellwise.plot import plot_cell_id, plot_cells, plot_covering

LEVELS = (3, 4, 5, 6, 7, 8)
PORTO_ALEGRE = cw.Rect(lat=(-30.241701, -30.000003), lng=(-51.264871, -51.04618))


def main(folder):
    plt.switch_backend("agg")  # files only: no display is needed
    folder.mkdir(parents=True, exist_ok=True)

    title("1  Real records: the airports of the package airportsdata")
    airports = read_airports()

    title("2  Cells as features: which time zone is an airport in?")
    encoder = learn_time_zones(airports)
    figures = [map_of_counts(encoder, folder / "airports_per_cell.png")]

    title("3  A region as cells: two coverings of Porto Alegre")
    coverings = cover_porto_alegre()
    figures.append(maps_of_coverings(coverings, folder / "porto_alegre.png"))

    title("4  Points in the region: one binary column per covering cell")
    for name, covering in coverings.items():
        encode_points(name, covering)
    print("Each point lights one column, because the cells do not overlap. A covering spends its small cells on the")
    print("region's border, not where the points are: to learn from, several levels at once are better, as in 2.")

    title("5  One cell, step by step")
    cell = from_place_to_cell(-30.043800, -51.140220)
    figures.append(picture_of_cell(cell, folder / "cell_id.png"))

    title("Made")
    for path in figures:
        print(f"{path.stat().st_size / 1000:8.0f} kB  {path}")


def title(text):
    print(f"\n{text}\n{'-' * len(text)}")


# --- 1 ------------------------------------------------------------


def read_airports():
    airports = pd.DataFrame.from_dict(airportsdata.load(), orient="index")
    south = airports.loc[airports["lat"].idxmin()]
    cell = cw.latlng_to_cell(south["lat"], south["lon"], 8)
    print(f"{len(airports):>10,}  airports")
    print(f"{airports['tz'].nunique():>10,}  time zones")
    print(f"{south['lat']:>10}  least latitude: {south['name']}, in cell {cw.cell_to_token(cell)} of level 8")
    return airports


# --- 2 ------------------------------------------------------------


def learn_time_zones(airports):
    in_zone = airports["tz"].map(airports["tz"].value_counts())
    known = airports[in_zone >= 10]
    train, test, zone, zone_of_test = train_test_split(
        known[["lat", "lon"]], known["tz"], test_size=0.25, random_state=0, stratify=known["tz"]
    )
    print(f"{zone.nunique():>10,}  zones with at least 10 airports")
    print(f"{len(train):>10,}  airports to learn from, {len(test):,} held out")

    on_cells = make_pipeline(CellEncoder(levels=LEVELS), LinearSVC(C=0.1, random_state=0)).fit(train, zone)
    on_raw = make_pipeline(StandardScaler(), LinearSVC(C=0.1, random_state=0)).fit(train, zone)
    nearest = KNeighborsClassifier(1).fit(train, zone)

    encoder = on_cells[0]
    print(f"\nMatrix of cells of levels {LEVELS[0]}..{LEVELS[-1]}")
    describe(encoder.transform(train))
    print("\nAccuracy on the airports held out")
    print(f"{(zone_of_test == zone.mode()[0]).mean():>10.3f}  always the most frequent zone, {zone.mode()[0]}")
    print(f"{on_raw.score(test, zone_of_test):>10.3f}  linear classifier on raw latitude and longitude")
    print(f"{on_cells.score(test, zone_of_test):>10.3f}  the same classifier on cells")
    print(f"{nearest.score(test, zone_of_test):>10.3f}  for comparison, not linear: the zone of the nearest airport")
    return encoder


def describe(matrix):
    rows, columns = matrix.shape
    size = matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes
    print(f"{rows:>10,}  rows")
    print(f"{columns:>10,}  columns")
    print(f"{matrix.nnz / (rows * columns):>10.4%}  of the entries are 1: {matrix.nnz / rows:g} a row")
    print(f"{size:>10,}  bytes, {rows * columns * matrix.dtype.itemsize / size:,.0f} times fewer than dense")


def map_of_counts(encoder, path):
    cells = encoder.feature_cells_
    level_5 = cw.cell_level(cells) == 5
    artist = plot_cells(cells[level_5], encoder.counts_[level_5], norm=LogNorm(), edgecolor="none")
    artist.axes.set_title("Airports in the cells of level 5 (those to learn from)")
    plt.colorbar(artist, shrink=0.7, label="airports")
    return save(path)


# --- 3 ------------------------------------------------------------


def cover_porto_alegre():
    coverings = {
        "levels 8 to 15, at most 500 cells": cw.cover(PORTO_ALEGRE, min_level=8, max_level=15, max_cells=500),
        "level 15 alone": cw.cover(PORTO_ALEGRE, min_level=15, max_level=15),
    }
    print(f"{PORTO_ALEGRE.area(unit='km2'):>10.1f}  km2 in the rectangle")
    for name, covering in coverings.items():
        print(f"{len(covering):>10,}  cells, {name}: {covering.area(unit='km2'):.1f} km2")
    mixed, fine = (covering.normalize() for covering in coverings.values())
    print(f"{mixed == fine!s:>10}  that both cover the same ground")
    return coverings


def maps_of_coverings(coverings, path):
    figure, axes = plt.subplots(1, 2, figsize=(12, 6.2), subplot_kw={"projection": PlateCarree()}, layout="constrained")
    for ax, (name, covering) in zip(axes, coverings.items()):
        plot_covering(covering, PORTO_ALEGRE, ax=ax, coastline=True, gridlines=True)
        ax.set_title(f"{len(covering):,} cells: {name}")
    figure.suptitle("Porto Alegre, covered")
    return save(path)


# --- 4 ------------------------------------------------------------


def encode_points(name, covering):
    (south, north), (west, east) = PORTO_ALEGRE.lat, PORTO_ALEGRE.lng
    points = np.random.default_rng(0).uniform((south, west), (north, east), (10_000, 2))
    matrix = CellEncoder(covering=covering).fit_transform(points)
    in_cell = np.sort(np.asarray(matrix.sum(axis=0)).ravel())[::-1]
    half = np.searchsorted(np.cumsum(in_cell), len(points) / 2) + 1
    print(f"Columns from {name}")
    describe(matrix)
    print(f"{np.count_nonzero(in_cell == 0):>10,}  columns with no point; {half:,} columns hold half of the points\n")


# --- 5 ------------------------------------------------------------


def from_place_to_cell(lat, lng):
    leaf = cw.latlng_to_cell(lat, lng)
    parent, block = cw.cell_parent(leaf, 29), cw.cell_parent(leaf, 15)
    print(f"The place {lat:.6f}, {lng:.6f} lies in the leaf {cw.cell_to_token(leaf)}, id {leaf}")
    for name, cell in (("leaf", leaf), ("its parent", parent), ("the 15th level", block)):
        edge = np.sqrt(cw.cell_area(cell))
        print(f"{name:>16}  {cw.cell_to_token(cell):<16}  level {cw.cell_level(cell):>2}  about {edge:>9.3f} m wide")
    for a, b in ((block, leaf), (leaf, block)):
        print(f"{cw.cell_to_token(a):>16}  contains {cw.cell_to_token(b)}: {cw.cell_contains(a, b)}")
    center = cw.cell_to_latlng(leaf)
    distance = cw.latlng_distance(lat, lng, *center)
    print(f"The leaf's center {center[0]:.6f}, {center[1]:.6f} is {distance * 1000:.1f} mm from the place")
    return block


def picture_of_cell(cell, path):
    plot_cell_id(cell)
    return save(path)


def save(path):
    plt.savefig(path, dpi=150, bbox_inches="tight")
    plt.close("all")
    return path


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "out"))
