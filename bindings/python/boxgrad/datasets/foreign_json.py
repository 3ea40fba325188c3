"""What a JSON file is that is not COCO's: the fields that were seen, and the tool that writes such."""

from __future__ import annotations

from typing import Any, Dict

_TOOLS: Dict[str, tuple[set[str], ...]] = {
    "labelme": ({"shapes", "imagePath"},),
    "VIA": ({"_via_img_metadata"}, {"filename", "regions"}),
    "Label Studio": ({"data", "annotations"}, {"data", "completions"}, {"data", "predictions"}),
    "Create ML": ({"image", "annotations"}, {"imagefilename", "annotation"}),
    "CrowdHuman": ({"ID", "gtboxes"},),
    "Supervisely": ({"objects", "size"},),
    "Datumaro": ({"items", "categories"},),
    "V7 Darwin": ({"item", "annotations"},),
    "BDD100K": ({"name", "labels"},),
    "Ultralytics": ({"box", "class", "name"},),
    "GeoJSON": ({"type", "features"},),
}
"""The fields that a tool's objects have, each set alone."""


def of_object(value: Any) -> str:
    """The fields of an object, and the tool that writes such, if that is known: 'shapes', 'imagePath', as labelme writes."""
    if not isinstance(value, dict) or not value:
        return ""
    first = next(iter(value.values()))
    objects = [value, first] if isinstance(first, dict) else [value]  # VIA lists its files by their names
    tool = next((tool for tool, some in _TOOLS.items() for fields in some if any(fields <= one.keys() for one in objects)), "")
    return ", ".join(map(repr, value))[:100] + (f", as {tool} writes" if tool else "")
