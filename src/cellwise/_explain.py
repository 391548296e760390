"""From (count, first invalid row) to a sentence, the same for every backend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ._backend.requirements import broken, rules, show_cell
from ._backend.signatures import Row
from ._typing import AnyArray, OnInvalid
from ._warn import warn
from .errors import InvalidCellError, InvalidCoordinatesWarning
from .inputs import swapped_hint

if TYPE_CHECKING:
    from .inputs import Argument

_CELL_ARGUMENTS = {"cell", "a", "b", "token", "s", "i"}


def report(
    row: Row, arguments: Sequence[Argument], shape: tuple[int, ...], count: int, first: int, on_invalid: OnInvalid
) -> None:
    """Raise, or with "warn" warn, about the first of `count` invalid rows."""
    index = np.unravel_index(first, shape) if shape else ()
    at = [argument.at(index, shape) for argument in arguments]
    one_row = [np.asarray(argument.array[where])[None] for argument, where in zip(arguments, at)]
    rule = rules(row)[int(broken(row, one_row)[0])]
    names = [name for name, _ in row.arguments]
    k = names.index(rule.argument)
    got = _show(arguments[k], at[k])
    others = [
        f" for {name} {_show(arguments[m], at[m])}" for m, name in enumerate(names) if name in rule.reads and m != k
    ]
    where = ""
    if shape:
        place = index[0] if len(shape) == 1 else tuple(int(x) for x in index)
        where = f" at index {place} ({count} of {int(np.prod(shape))} values)"
    message = f"{arguments[k].name} must be {rule.text}: got {got}{''.join(others)}{where}"
    message += _hint(rule.argument, dict(zip(names, one_row)), arguments[k].value(at[k]))
    if on_invalid == "warn":
        warn(f"{message}; invalid values became the missing cell", InvalidCoordinatesWarning)
        return
    raise (InvalidCellError if rule.argument in _CELL_ARGUMENTS else ValueError)(message)


def _show(argument: Argument, where: tuple[int, ...]) -> str:
    if argument.code == "i4" and argument.is_na is not None and argument.is_na[where]:
        return "NA"
    value = argument.value(where)
    if argument.code == "u8" and isinstance(value, (int, np.integer)):
        value = int(value)
        if 0 <= value < 1 << 64:
            return show_cell(value)
    if isinstance(value, np.generic):
        value = value.item()
    return repr(value.tolist() if isinstance(value, np.ndarray) else value)


def _hint(name: str, one_row: dict[str, AnyArray], value: object) -> str:
    if name.startswith("lat"):
        lat, lng = one_row[name][0], one_row["lng" + name[3:]][0]
        if hint := swapped_hint(lat, lng):
            return hint
    if name in ("cell", "a", "b") and isinstance(value, (int, np.integer)) and value < 0:
        return "; signed ids are read by int64_to_cell"
    if name == "i" and isinstance(value, (int, np.integer)) and 1 << 63 <= value < 1 << 64:
        return "; ids without a sign are cells already"
    if name == "token" and isinstance(value, str) and value != value.lower():
        return "; tokens are lower-case"
    return ""
