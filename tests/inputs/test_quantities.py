"""Angles with a unit are taken to degrees, and other quantities are refused."""

import numpy as np
import pytest

import cellwise as cw

LAT, LNG, CELL = 40.7, -74.0, cw.latlng_to_cell(40.7, -74.0, 8)


@pytest.mark.parametrize("unit", ["deg", "rad", "arcmin", "mrad"])
def test_quantities_of_astropy(unit, backend):
    units = pytest.importorskip("astropy.units")
    lat, lng = ((x * units.deg).to(unit) for x in (LAT, LNG))
    assert cw.latlng_to_cell(lat, lng, 8) == CELL
    many = ([LAT, LAT] * units.deg).to(unit)
    assert cw.latlng_to_cell(many, lng, 8).tolist() == [CELL, CELL]
    with pytest.raises(TypeError, match="lat must be in degrees or another unit of angles: got the unit m"):
        cw.latlng_to_cell(1 * units.m, lng)
    with pytest.raises(TypeError, match="cell must have no unit: got Quantity"):
        cw.cell_level([5] * units.deg)


@pytest.mark.parametrize("unit", ["degree", "radian"])
def test_quantities_of_pint(unit, backend):
    pint = pytest.importorskip("pint")
    units = pint.UnitRegistry()
    lat, lng = (np.array([x, x]) * units.degree for x in (LAT, LNG))
    assert cw.latlng_to_cell(lat.to(unit), lng.to(unit), 8).tolist() == [CELL, CELL]
    with pytest.raises(TypeError, match="got the unit dimensionless"):
        cw.latlng_to_cell(lat / lat, lng)


def test_data_arrays(backend):
    xr = pytest.importorskip("xarray")
    lat, lng = xr.DataArray([LAT, np.nan], dims="row"), xr.DataArray([LNG, LNG], dims="row")
    found = cw.latlng_to_cell(lat, lng, 8, on_invalid="null")
    assert isinstance(found, xr.DataArray)
    assert (found.dims, found.dtype, found.values.tolist()) == (("row",), np.uint64, [CELL, 0])
    in_radians = xr.DataArray(np.radians([LAT]), dims="row", attrs={"units": "radians"})
    assert cw.latlng_to_cell(in_radians, lng[:1], 8).values.tolist() == [CELL]
