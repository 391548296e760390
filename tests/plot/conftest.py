import matplotlib
import pytest

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    matplotlib.pyplot.close("all")


@pytest.fixture(autouse=True)
def map_data(monkeypatch, tmp_path):
    """An empty folder where cartopy looks for map data; to try a download is an error."""
    import cartopy
    import cartopy.io

    def download(*_):
        raise AssertionError("cartopy tried to download")

    for key in ("data_dir", "pre_existing_data_dir"):
        monkeypatch.setitem(cartopy.config, key, tmp_path)
    monkeypatch.setattr(cartopy.io.Downloader, "_urlopen", download)
    return tmp_path


@pytest.fixture
def without_cartopy(monkeypatch):
    """What a user without cartopy has."""
    import sys

    for name in [name for name in sys.modules if name.partition(".")[0] == "cartopy"]:
        monkeypatch.setitem(sys.modules, name, None)
