"""Tables in Parquet: of a file with photos in it, only the other columns are read."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional

import numpy as np

from ..errors import BoxgradError
from .model import Reading, UnreadableError
from .table_cells import Frame
from .table_header import Header, box_members, member
from .table_text import with_numbers


def read(path: Path, reading: Reading, columns: object) -> Frame:
    import pyarrow
    from pyarrow import parquet

    if isinstance(columns, list):
        raise ValueError("columns: Parquet names its columns; say what the names mean, like image=ImageID,x1=XMin")
    try:
        file = parquet.ParquetFile(path)
        schema = file.schema_arrow
        first = next(file.iter_batches(batch_size=100, columns=_selected(schema, range(len(schema)))), None)
        sample = [_sample(first, name) for name in schema.names]
        header = Header(path, schema.names, reading.boxes, reading.image_column, columns if isinstance(columns, dict) else None, sample)
        wanted = sorted({*header.used, *header.box})
        table = file.read(columns=_selected(schema, wanted))
    except (pyarrow.ArrowException, OSError) as error:
        raise UnreadableError(path, f"is no Parquet: {str(error).splitlines()[0]}") from None
    cells = {at: table.column(schema.names[at]) for at in wanted}
    return Frame(path, schema.names, cells, len(table), header, has_lines=False)


def _selected(schema: Any, columns: Any) -> List[str]:
    """The columns without bytes, like those of photos."""
    from pyarrow import types

    found = []
    for at in columns:
        field = schema.field(at)
        if types.is_struct(field.type):
            inner = [field.type.field(child) for child in range(field.type.num_fields)]
            binary = [one.name for one in inner if _is_binary(one.type)]
            found += [f"{field.name}.{one.name}" for one in inner if one.name not in binary] if binary else [field.name]
        elif not _is_binary(field.type):
            found.append(field.name)
    return found


def _is_binary(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind))


def _sample(batch: Any, name: str) -> Any:
    """The first cell of a column that holds something."""
    if batch is None or name not in batch.schema.names:
        return None
    for value in batch.column(batch.schema.names.index(name)).to_pylist():
        if value not in (None, "", []) and not (isinstance(value, dict) and any(one == [] for one in value.values())):
            return value
    return None


def all_columns(path: Path) -> Dict[int, Any]:
    from pyarrow import parquet

    table = parquet.read_table(path)
    return {at: table.column(at) for at in range(table.num_columns)}


def class_names(path: Path, column: str) -> Optional[List[str]]:
    """The names of the classes that Hugging Face writes into the schema."""
    from pyarrow import parquet

    try:
        features: Any = json.loads((parquet.read_schema(path).metadata or {})[b"huggingface"])["info"]["features"][column]
        features = features[0] if isinstance(features, list) else features
        features = features.get("feature", features)
        name = member(features, "category")
        features = features[name] if name is not None else features
        features = features[0] if isinstance(features, list) else features
        return list(map(str, features.get("feature", features)["names"]))
    except (KeyError, ValueError, TypeError, AttributeError, IndexError):
        return None


def rewritten(path: Path, new: Mapping[int, Mapping[int, List[float]]], dropped: set[int]) -> bytes:
    """The table with new values in some columns, by column and row, and without other rows."""
    import pyarrow
    from pyarrow import parquet

    table = parquet.read_table(path)
    for column, changes in new.items():
        field = table.schema.field(column)
        values = table.column(column).to_pylist()
        for row, numbers in changes.items():
            values[row] = _like(values[row], field.type, numbers, f"{path}: column {field.name}")
        table = table.set_column(column, field, pyarrow.array(values, field.type))
    stays = np.ones(len(table), bool)
    stays[list(dropped)] = False
    sink = io.BytesIO()
    parquet.write_table(table.filter(pyarrow.array(stays)), sink)
    return sink.getvalue()


def _like(old: Any, kind: Any, numbers: List[float], where: str) -> Any:
    """New numbers as a column holds them: one, or those of a list or an object."""
    from pyarrow import types

    if isinstance(old, (list, tuple)):
        return [_of_type(value, kind.value_type, where) for value in numbers]
    if isinstance(old, dict):
        named = box_members(old)
        assert named is not None
        fields: Dict[str, Any] = {kind.field(child).name: kind.field(child).type for child in range(kind.num_fields)}
        return {**old, **{name: _of_type(value, fields[name], where) for name, value in zip(named[1], numbers)}}
    if types.is_string(kind) or types.is_large_string(kind):
        return with_numbers(old, old, numbers)
    return _of_type(numbers[0], kind, where)


def _of_type(value: float, kind: Any, where: str) -> Any:
    """A number as its column holds it."""
    import pyarrow
    from pyarrow import types

    if types.is_floating(kind):
        return value
    if types.is_integer(kind) and value.is_integer():
        return int(value)
    if types.is_decimal(kind):
        try:
            return pyarrow.scalar(Decimal(repr(value)), kind).as_py()
        except pyarrow.ArrowInvalid:  # more digits than the column has
            pass
    raise BoxgradError(f"{where} is {kind}, which cannot hold {value:g}; nothing was written")
