"""What y is taken for: one rule, whoever reads it."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.exceptions import DataConversionWarning
from sklearn.neighbors import KNeighborsClassifier

from cellwise.features import AdaptiveCells, CellTargetEncoder, SpatialLag, suggest_levels
from cellwise.features._target import FEW_VALUES, read_target

N = 60
X = np.random.default_rng(0).uniform((32, -125), (42, -115), (N, 2))

READERS = {
    "CellTargetEncoder": lambda y, **params: CellTargetEncoder(8, **params).fit(X, y),
    "SpatialLag": lambda y, **params: SpatialLag(2, **params).fit(X, y),
    "AdaptiveCells": lambda y, **params: AdaptiveCells(criterion="variance", **params).fit(X, y),
    "suggest_levels": lambda y, **params: suggest_levels(X, y, **params),
}
every = pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
# what AdaptiveCells reads it does not keep
KEEPERS = {name: READERS[name] for name in ("CellTargetEncoder", "SpatialLag")}

NUMBERS = {
    "floats": np.linspace(0, 9, N),
    "whole floats": np.arange(N) % 3 * 1.0,
    "two floats": np.arange(N) % 2 * 1.0,
    "float32": np.arange(N, dtype=np.float32) % 4,
    "objects": (np.arange(N) / 2).astype(object),
    "Float64": pd.Series(np.arange(N) % 3, dtype="Float64"),
    "polars": pl.Series(np.arange(N) / 2),
    "Arrow": pa.array(np.arange(N) / 2),
    "many integers": np.arange(N),
}
INTEGERS = {
    "list": [k % 3 for k in range(N)],
    "int64": np.arange(N) % 3,
    "uint8": np.arange(N, dtype=np.uint8) % 3,
    "objects": (np.arange(N) % 3).astype(object),
    "pandas": pd.Series(np.arange(N) % 3),
    "Int64": pd.Series(np.arange(N) % 3, dtype="Int64"),
    "pandas from Arrow": pd.Series(np.arange(N) % 3, dtype="int64[pyarrow]"),
    "polars": pl.Series(np.arange(N) % 3),
    "Arrow": pa.array(np.arange(N) % 3),
}
WORDS, FLAGS = np.array(["no", "yes"] * (N // 2)), np.array([False, True] * (N // 2))
TWO = {
    "integers": (np.arange(N) % 2, [0, 1]),
    "other integers": (7 - np.arange(N) % 2 * 4, [3, 7]),
    "Int64": (pd.Series(np.arange(N) % 2, dtype="Int64"), [0, 1]),
    "one integer": (np.full(N, 5), [5]),
    "booleans": (FLAGS, [False, True]),
    "objects of booleans": (FLAGS.astype(object), [False, True]),
    "boolean": (pd.Series(FLAGS, dtype="boolean"), [False, True]),
    "polars booleans": (pl.Series(FLAGS), [False, True]),
    "Arrow booleans": (pa.array(FLAGS), [False, True]),
    "text": (WORDS, ["no", "yes"]),
    "objects of text": (WORDS.astype(object), ["no", "yes"]),
    "pandas text": (pd.Series(WORDS, dtype="string"), ["no", "yes"]),
    "categories": (pd.Series(WORDS, dtype="category"), ["no", "yes"]),
    "categories of floats": (pd.Series(np.arange(N) % 2 / 2, dtype="category"), [0.0, 0.5]),
}
THREE = np.array(["a", "b", "c"] * (N // 3))
MORE = {
    "text": (THREE, ["a", "b", "c"]),
    "objects of text": (THREE.astype(object), ["a", "b", "c"]),
    "categories": (pd.Series(THREE, dtype="category"), ["a", "b", "c"]),
    "categories of integers": (pd.Series(np.arange(N) % 3, dtype="category"), [0, 1, 2]),
    "categories of floats": (pd.Series(np.arange(N) % 3 / 2, dtype="category"), [0.0, 0.5, 1.0]),
    "categories of intervals": (pd.Series(pd.cut(np.arange(N) % 3, 3)), sorted(set(pd.cut(np.arange(N) % 3, 3)))),
    "polars text": (pl.Series(THREE), ["a", "b", "c"]),
    "polars categories": (pl.Series(THREE, dtype=pl.Categorical), ["a", "b", "c"]),
    "polars enum": (pl.Series(THREE, dtype=pl.Enum(["a", "b", "c"])), ["a", "b", "c"]),
    "Arrow text": (pa.array(THREE), ["a", "b", "c"]),
    "Arrow dictionary": (pa.array(np.arange(N) % 3).dictionary_encode(), [0, 1, 2]),
}


def cases(table):
    return pytest.mark.parametrize("y", table.values(), ids=table)


@every
@cases(NUMBERS)
def test_floats_and_many_integers_are_numbers_in_silence(reader, y):
    fitted = reader(y)  # warnings are errors
    if reader in KEEPERS.values():
        assert (fitted.target_type_, fitted.classes_) == ("continuous", None)


@every
@cases(INTEGERS)
def test_few_integers_are_numbers_with_a_warning(reader, y):
    with pytest.warns(UserWarning, match=r"y holds 3 different integers.*target_type='continuous'") as caught:
        fitted = reader(y)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    if reader in KEEPERS.values():
        assert (fitted.target_type_, fitted.classes_) == ("continuous", None)


@every
def test_few_is_so_many_whatever_the_number_of_rows(reader):
    with pytest.warns(UserWarning, match="y holds 50 different integers"):
        reader(np.arange(N) % FEW_VALUES)
    reader(np.arange(N) % (FEW_VALUES + 1))
    with pytest.warns(UserWarning, match="y holds 3 different integers"):
        read_target([1, 2, 3], X[:3], "auto")


@pytest.mark.parametrize("method", ["fit", "fit_transform"])
@pytest.mark.parametrize(
    "encoder", [CellTargetEncoder(8), SpatialLag(2), AdaptiveCells(criterion="variance")], ids=repr
)
def test_the_warning_points_at_the_caller(encoder, method):
    with pytest.warns(UserWarning, match="y holds 3 different integers") as caught:
        getattr(encoder, method)(X, np.arange(N) % 3)
    assert [warning.filename for warning in caught] == [__file__]


@every
def test_what_is_said_is_not_warned_of(reader):
    reader(np.arange(N) % 3, target_type="continuous")
    reader(np.arange(N) % 2, target_type="continuous")
    reader(np.arange(N) % 2, target_type="binary")
    if reader is not READERS["AdaptiveCells"]:
        reader(np.arange(N) % 3, target_type="multiclass")


@every
@cases(TWO)
def test_two_values_are_two_classes(reader, y):
    y, classes = y
    fitted = reader(y)
    if reader in KEEPERS.values():
        assert (fitted.target_type_, fitted.classes_.tolist()) == ("binary", classes)


@every
@cases(TWO)
def test_of_two_classes_the_second_counts(reader, y):
    y, classes = y
    number = (np.asarray(y) == classes[-1]).astype(float) if len(classes) == 2 else np.zeros(N)
    target = read_target(y, X, "auto")
    np.testing.assert_array_equal(target.values, number)
    np.testing.assert_array_equal(target.indicators(), number[:, None])
    assert target.names() == [""]
    if reader in KEEPERS.values():
        np.testing.assert_allclose(reader(y).transform(X), reader(number).transform(X), atol=1e-12)
    elif reader is READERS["AdaptiveCells"]:
        assert reader(y).covering_ == reader(number).covering_


@every
@cases(MORE)
def test_labels_are_classes(reader, y):
    y, classes = y
    if reader is READERS["AdaptiveCells"]:
        with pytest.raises(
            ValueError, match="y must be numbers or two classes with criterion='variance': got 3 classes"
        ):
            reader(y)
        return
    fitted = reader(y)
    if reader in KEEPERS.values():
        assert (fitted.target_type_, fitted.classes_.tolist()) == ("multiclass", classes)
    target = read_target(y, X, "auto")
    assert target.names() == list(map(str, classes))
    np.testing.assert_array_equal(target.indicators(), np.asarray(y)[:, None] == np.array(classes)[None])


def test_a_classifier_says_that_numbers_are_classes():
    suggest_levels(X, np.arange(N) % 3, estimator=KNeighborsClassifier())
    with pytest.warns(UserWarning, match="y holds 3 different integers"):
        suggest_levels(X, np.arange(N) % 3)


FAULTS = [
    (np.r_[1.0, 2, np.nan, np.arange(N - 3)], {}, r"y must be finite: got nan at index 2 \(1 of 60 values\)"),
    (np.r_[1.0, 2, np.inf, -np.inf, np.arange(N - 4)], {}, r"y must be finite: got inf at index 2 \(2 of 60 values\)"),
    (pd.Series([1, None, *range(N - 2)], dtype="Int64"), {}, "y must be finite: got nan at index 1"),
    (["a", None, "b", None] * (N // 4), {}, r"y must not be missing: got None at index 1 \(30 of 60 values\)"),
    ([1, None, 3] * (N // 3), {}, r"y must not be missing: got None at index 1 \(20 of 60 values\)"),
    (pd.Series(["a", None] * (N // 2)), {}, r"y must not be missing: got (nan|None) at index 1 \(30 of 60 values\)"),
    (np.array(["a", 1] * (N // 2), object), {}, "y must be numbers or text, not both: got 1 at index 1"),
    (np.array(["2020-01-01"] * N, "M8[D]"), {}, "y must be numbers or labels: got datetime64"),
    (WORDS, {"target_type": "continuous"}, "y must be numbers with target_type='continuous': got <U3"),
    (THREE, {"target_type": "binary"}, "y must have at most two classes with target_type='binary': got 3"),
    (np.arange(N) % 3, {"target_type": "binary"}, "y must have at most two classes with target_type='binary': got 3"),
    (np.zeros(N - 1), {}, "inconsistent numbers of samples"),
    (np.zeros((N, 2)), {}, "y should be a 1d array"),
    (np.zeros(N), {"target_type": "ordinal"}, "target_type must be one of 'auto', 'continuous', 'binary'"),
]


@every
@pytest.mark.parametrize(("y", "params", "words"), FAULTS, ids=[str(k) for k in range(len(FAULTS))])
def test_a_fault_has_one_message(reader, y, params, words):
    with pytest.raises(ValueError, match=words):
        reader(y, **params)


@pytest.mark.parametrize("reader", [READERS[name] for name in READERS if name != "suggest_levels"])
def test_y_is_required(reader):
    with pytest.raises(ValueError, match="requires y to be passed, but the target y is None"):
        reader(None)


@every
def test_a_column_of_y_is_taken_with_a_warning(reader):
    with pytest.warns(DataConversionWarning):
        reader(np.arange(float(N))[:, None])


@every
def test_y_stays_as_it_is(reader):
    for y in (np.linspace(0, 9, N), np.arange(N), FLAGS.copy()):
        before = y.copy()
        y.flags.writeable = False
        reader(y)
        np.testing.assert_array_equal(y, before)


def test_encoders_agree():
    for y in [*NUMBERS.values(), *INTEGERS.values(), *(y for table in (TWO, MORE) for y, _ in table.values())]:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "y holds")
            one, other = (reader(y) for reader in KEEPERS.values())
        assert one.target_type_ == other.target_type_
        assert np.array_equal(one.classes_, other.classes_)


@pytest.mark.parametrize("encoder", [CellTargetEncoder(8), SpatialLag(2)], ids=repr)
@pytest.mark.parametrize(
    ("classes", "words"),
    [
        *[
            (bad, "a sorted list of distinct labels")
            for bad in (None, [], "abc", [["a"]], ["a", 1], ["b", "a"], ["a", "a"])
        ],
        (["a", "b", "c"], "classes must be at most two for target_type 'binary': got 3"),
    ],
    ids=repr,
)
def test_saved_classes_are_checked(encoder, classes, words):
    saved = encoder.fit(X, WORDS).to_dict()
    again = type(encoder).from_dict(saved)
    assert (again.target_type_, again.classes_.tolist()) == ("binary", ["no", "yes"])
    saved["state"]["classes"] = classes
    with pytest.raises(ValueError, match=words):
        type(encoder).from_dict(saved)
