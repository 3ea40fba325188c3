"""The command `boxgrad`: boxgrad.datasets from the shell."""

# Without postponed annotations: typer reads them, and in Python 3.9 it sees strings otherwise.

import json
import math
import re
import sys
import time
from contextlib import contextmanager
from dataclasses import asdict
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, Iterable, Iterator, List, NoReturn, Optional, Tuple, TypeVar, Union

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from typing_extensions import Annotated

from . import __version__, datasets
from .datasets.inspection import Report
from .datasets.model import Dataset, Finding, Place, quantity
from .errors import BoxgradError

Item = TypeVar("Item")

app: typer.Typer = typer.Typer(
    help="Find the boxes that will break training, before training.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_START = time.monotonic()
out, err = Console(), Console(stderr=True)
if not out.is_terminal:
    out.width = 140

_AUGMENT = "rotate=ANGLE[,ANGLE...], hflip, vflip, scale=FACTOR, crop=FRACTION or WIDTHxHEIGHT+X+Y: what would leave the image or collapse."
_RULE = "center-inside, fully-inside, min-visible=FRACTION, min-size=PIXELS: what the rule would drop."
_FAIL_ON = f"Exit with 1 only for this problem; may be given again. One of {', '.join(datasets.PROBLEMS)}."
_SET = "retinanet, rpn-fpn, rrpn-fpn, or like sizes=32,40/64,80;strides=8/16;ratios=0.5,1,2;angles=-45,0,45,90 (rotated anchors)."
_RESIZE = "The image's sides in training; torchvision's are 800,1333."
_formats = ", ".join(datasets.FORMATS)
Format = Annotated[Optional[str], typer.Option(help=f"Format, if it is not found out: {_formats}.")]
Images = Annotated[
    Optional[Path], typer.Option(help="Folder of the photos, if it is not beside the annotations; or the one photo of all boxes.")
]
ImageSize = Annotated[Optional[str], typer.Option(metavar="WIDTHxHEIGHT", help="Size of the images whose size is not known otherwise.")]
Boxes = Annotated[Optional[str], typer.Option(help="What the numbers of a box are, of all but YOLO and DOTA: xyxy, xywh or cxcywh.")]
ImageColumn = Annotated[Optional[str], typer.Option(metavar="NAME", help="The column of a table that names the image.")]
Exif = Annotated[
    Optional[str], typer.Option(metavar="turned|stored", help="The size of photos that EXIF turns, if their boxes do not tell it.")
]
Columns = Annotated[
    Optional[str],
    typer.Option(metavar="NAMES", help="Columns of a table without a header, like image,x1,y1,x2,y2,category; or what its names mean, like image=ImageID,x1=XMin."),
]
Encoding = Annotated[Optional[str], typer.Option(metavar="NAME", help="Encoding of text that is not UTF-8 and declares none, like gbk.")]
Unit = Annotated[Optional[str], typer.Option(metavar="pixels|fractions", help="What the numbers are, where a file leaves it open.")]
MinSize = Annotated[float, typer.Option(min=0, help="Boxes with a side below this are small, in pixels.")]
Jobs = Annotated[int, typer.Option("--jobs", min=1, metavar="N", help="Inspect by N processes: files, and a folder in parts.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def track(items: Iterable[Item], what: str, total: int) -> Iterable[Item]:
    """Shows a progress bar on a terminal, for what takes longer than a second."""
    if not err.is_terminal:
        return items
    return _bar(items, what, total)


def _bar(items: Iterable[Item], what: str, total: int) -> Iterator[Item]:
    with Progress(console=err, transient=True, disable=False, auto_refresh=False) as progress:
        task = progress.add_task(what, total=total, visible=False)
        shown = _START + 1  # of all that a command does, in however many steps
        for done, item in enumerate(items):
            if (now := time.monotonic()) > shown:
                progress.update(task, completed=done, visible=True, refresh=True)
                shown = now + 0.1
            yield item


@contextmanager
def _refusals() -> Iterator[None]:
    """What a user did wrong, or a file has wrong, is a sentence and status 2."""
    try:
        yield
    except (BoxgradError, ValueError) as error:
        _stop(str(error))
    except BrokenPipeError:
        raise  # typer ends quietly: who reads the output has seen enough
    except OSError as error:
        _stop(f"{error.filename or ''}: {error.strerror or error}".lstrip(": "))


def _stop(message: str) -> NoReturn:
    err.print(f"[bold red]error:[/] {_plain(message)}", highlight=False, soft_wrap=True)
    raise typer.Exit(2)


def _plain(text: str) -> str:
    """Text of a file for a terminal: no control characters, no markup."""
    visible = "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
    return visible.replace("[", "\\[")


def _size(text: Optional[str]) -> Optional[Tuple[float, float]]:
    if text is None:
        return None
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    if not match or not all(map(int, match.groups())):
        raise ValueError(f"--image-size must be WIDTHxHEIGHT, not {text!r}")
    return float(match[2]), float(match[1])


def _options(
    format: Optional[str], images: Optional[Path], image_size: Optional[str], boxes: Optional[str], image_column: Optional[str],
    columns: Optional[str], encoding: Optional[str], unit: Optional[str], exif: Optional[str],
) -> dict[str, Any]:  # fmt: skip
    """How to read, as datasets.read takes it."""
    return {
        "format": format, "images": images, "image_size": _size(image_size), "boxes": boxes, "image_column": image_column,
        "columns": columns, "encoding": encoding, "unit": unit, "exif": exif,
    }  # fmt: skip


def _read(path: Path, *options: Any) -> Dataset:
    return datasets.read(path, **_options(*options), track=track)


def _json(value: Any) -> None:
    """Prints JSON that any reader takes: numbers that are none are null. What an iterator gives is printed as it comes."""
    for piece in json_pieces(value):
        sys.stdout.write(piece)
    sys.stdout.write("\n")


def json_pieces(value: Any, depth: int = 0) -> Iterator[str]:
    """JSON with each member on its line, as json.dumps indents it by 1."""
    if isinstance(value, dict):
        items = ((f"{json.dumps(key)}: ", one) for key, one in value.items())
        yield from _members("{", items, "}", depth)
    elif isinstance(value, (list, tuple, Iterator)):
        yield from _members("[", (("", one) for one in value), "]", depth)
    elif isinstance(value, float) and not math.isfinite(value):
        yield "null"
    else:
        yield json.dumps(str(value) if isinstance(value, Path) else value)


def _members(start: str, items: Iterable[Tuple[str, Any]], end: str, depth: int) -> Iterator[str]:
    before, line, encode = start, "\n" + " " * (depth + 1), _encoder(depth + 2).encode
    for key, one in items:
        if type(one) is dict and one and _SIMPLE.issuperset(map(type, one.values())):  # json does this in one step, and fast
            yield f"{before}{line}{key}{{{line} {encode(one)[1:-1]}{line}}}"
        else:
            yield f"{before}{line}{key}"
            yield from json_pieces(one, depth + 1)
        before = ","
    yield start + end if before == start else f"{line[:-1]}{end}"


_SIMPLE = {str, int, bool, type(None)}


@lru_cache
def _encoder(depth: int) -> json.JSONEncoder:
    return json.JSONEncoder(separators=(",\n" + " " * depth, ": "))


def _refuse_input(html: Path, paths: List[Path]) -> None:
    """Refuses to write the page over a file that is inspected."""
    for path in paths:
        if html.exists() and (path.resolve() == html.resolve() or path.resolve() in html.resolve().parents):
            raise ValueError(f"--html would replace {html}, which is " + ("inspected" if path.is_file() else f"in {path}"))


def _finding(finding: Finding) -> dict[str, Any]:
    return {**_place(finding.place), "image": finding.image, "annotation": finding.id, "values": finding.values}


def _errors(unreadable: List[datasets.UnreadableError]) -> List[dict[str, Any]]:
    return [{"file": str(error.file), "line": error.line, "reason": error.reason} for error in unreadable]


def _print_unreadable(unreadable: List[datasets.UnreadableError], what: str = "unreadable") -> None:
    for error in unreadable:
        err.print(f"[bold red]{what}:[/] {_plain(str(error))}", highlight=False, soft_wrap=True)


def _place(place: Place) -> dict[str, Any]:
    return {"file": str(place.file), "line": place.line, "member": place.member}


@app.callback(invoke_without_command=True)
def main(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        print(__version__)
        raise typer.Exit


@app.command()
def inspect(
    paths: Annotated[List[Path], typer.Argument(help="Files, folders of XML or text files, or lists of them: data.yaml, train.txt.")],
    format: Format = None,
    images: Images = None,
    image_size: ImageSize = None,
    boxes: Boxes = None,
    image_column: ImageColumn = None,
    columns: Columns = None,
    encoding: Encoding = None,
    unit: Unit = None,
    exif: Exif = None,
    min_size: MinSize = 1.0,
    examples: Annotated[Optional[int], typer.Option(min=0, help="Cases of each problem to list: 3, with --json all.")] = None,
    fail_on: Annotated[Optional[List[str]], typer.Option(metavar="PROBLEM", help=_FAIL_ON)] = None,
    check_images: Annotated[bool, typer.Option("--check-images", help="Compare the sizes of the photos that are there.")] = False,
    augment: Annotated[Optional[List[str]], typer.Option(help=_AUGMENT)] = None,
    keep_rule: Annotated[Optional[List[str]], typer.Option(help=_RULE)] = None,
    jobs: Jobs = 1,
    as_json: AsJson = False,
    html: Annotated[Optional[Path], typer.Option(help="Write a page with pictures and histograms.")] = None,
) -> None:  # fmt: skip
    """Find the boxes that will break training. Exit status: 0 clean, 1 problems found, 2 something could not be read."""
    with _refusals():
        unknown = sorted(set(fail_on or ()) - datasets.PROBLEMS.keys())
        if unknown:
            raise ValueError(f"--fail-on must be one of {', '.join(datasets.PROBLEMS)}, not {unknown[0]!r}")
        _size(image_size)
        if html is not None:
            _refuse_input(html, paths)
        how = _options(format, images, image_size, boxes, image_column, columns, encoding, unit, exif)
        listed = examples if as_json or examples is not None else 3
        found: List[Report] = []
        unreadable: List[datasets.UnreadableError] = []
        outcomes: List[List[datasets.Outcome]] = []
        if jobs > 1:
            if html is not None or augment or keep_rule:
                raise ValueError("--jobs inspects in parts, and --html, --augment and --keep-rule need all boxes at once: leave --jobs out")
            checks = {"min_size": min_size, "check_images": check_images, "examples": listed}
            reports = datasets.inspect_paths(*paths, processes=jobs, track=track, **checks, **how)
            found += [one for one in reports if one.error is None]
            unreadable += [one.error for one in reports if one.error is not None]
        for path in paths if jobs == 1 else ():
            try:
                data = datasets.read(path, **how, track=track)
            except datasets.UnreadableError as error:
                unreadable.append(error)
                continue
            found.append(datasets.inspect(data, min_size=min_size, check_images=check_images, track=track))
            if augment or keep_rule:
                outcomes.append(datasets.augment(data, augment or (), keep_rule or (), min_size=min_size, track=track))
        left_out = unreadable + [error for one in found for error in one.dataset.unreadable]
        status = 2 if unreadable else max((one.status(set(fail_on) if fail_on else None) for one in found), default=0)
        if as_json:
            sets = [_as_json(one, examples) for one in found]
            for each, some in zip(sets, outcomes):
                each["augmentations"] = [{key: value for key, value in asdict(outcome).items() if key != "rows"} for outcome in some]
            _json({"boxgrad": __version__, "status": status, "sets": sets, "unreadable": _errors(left_out)})
        else:
            for index, one in enumerate(found):
                _print(one, 3 if examples is None else examples)
                _print_outcomes(outcomes[index] if outcomes else [])
            _print_unreadable(left_out)
        if html is not None:
            whole = [one for one in found if isinstance(one, datasets.Inspection)]
            datasets.write_page(html, whole, unreadable=unreadable, augmentations=outcomes, examples=10 if examples is None else examples)
            if not as_json:
                out.print(f"report: {_plain(str(html))}", highlight=False, soft_wrap=True)
    raise typer.Exit(status)


def _as_json(one: Report, examples: Optional[int]) -> dict[str, Any]:
    data = one.dataset
    problems = {
        name: {
            "count": count,
            "effect": datasets.PROBLEMS[name].effect,
            "examples": map(_finding, islice(one.findings(name), examples)),
        }
        for name, count in one.counts.items()
    }
    counts = {"boxes": one.boxes, "images": one.images, "categories": len(data.categories), "account": one.account, "unused": data.unused}
    checked = {"fractions": data.fractions, "without_image_size": one.unbounded, "photos": one.photos}
    return {
        "path": str(data.path),
        "format": data.format,
        "evidence": data.evidence,
        "said": data.said,
        **counts,
        **checked,
        "problems": problems,
    }


def print_said(data: Dataset) -> None:
    for sentence in data.said:
        out.print(_plain(sentence), style="yellow", highlight=False, soft_wrap=True)


def _print(one: Report, examples: int) -> None:
    data = one.dataset
    images = "images not known" if data.unknown_image else quantity(one.images, "image")
    out.print(
        f"[bold]{_plain(str(data.path))}[/]: {_plain(data.taken_as)}, {quantity(one.boxes, 'box', 'boxes')}, {images}, "
        f"{quantity(len(data.categories), 'category', 'categories')}",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
    if one.account_text:
        out.print(one.account_text, highlight=False, soft_wrap=True)
    print_said(data)
    if data.fractions:
        out.print(
            "The images' sizes are not known: boxes are in fractions of the image. --images or --image-size gives them.", style="yellow"
        )
    elif unbounded := one.unbounded:
        boxes = "1 box is in an image" if unbounded == 1 else f"{unbounded:,} boxes are in images"
        out.print(f"{boxes} of unknown size: borders are not checked there. --images or --image-size gives it.", style="yellow")
    if one.photos is not None and one.photos < one.images:
        out.print(
            f"{one.photos:,} of {quantity(one.images, 'photo')} found: the sizes of the others are not compared.", style="yellow"
        )
    if one.verdict:
        out.print(one.verdict, style="green" if one.boxes or one.images else "yellow")
        return
    table = Table("problem", "found", "what it does to training", header_style="bold", expand=False)
    table.columns[1].justify = "right"
    for name, count in one.counts.items():
        table.add_row(f"[red]{name}[/]", f"{count:,}", datasets.PROBLEMS[name].effect)
    out.print(table)
    for name, count in one.counts.items() if examples else ():
        out.print(f"[bold]{name}[/] ({datasets.PROBLEMS[name].what})", highlight=False)
        for finding in islice(one.findings(name), examples):
            words = [finding.image, "" if finding.id is None else f"annotation {finding.id}", finding.values]
            out.print(
                f"  {_plain(str(finding.place))}: {_plain('; '.join(word for word in words if word))}", highlight=False, soft_wrap=True
            )
        if count > examples:
            out.print(f"  ... and {count - examples:,} more", highlight=False)


def _print_outcomes(outcomes: List[datasets.Outcome]) -> None:
    if not outcomes:
        return
    table = Table("augmentation", "new problems", "deltas not finite", "rule", "drops", "leaves not finite", header_style="bold")
    for column in table.columns:
        column.overflow, column.no_wrap = "fold", True
    for outcome in outcomes:
        problems = "\n".join(f"{name} {count:,}" for name, count in outcome.counts.items()) or "none"
        rules = ["\n".join(column) for column in zip(*((kept.rule, f"{kept.dropped:,}", f"{kept.not_finite:,}") for kept in outcome.kept))]
        table.add_row(outcome.augmentation, problems, f"{outcome.not_finite:,} of {outcome.boxes:,}", *rules)
    out.print(table)
    skipped = max(outcome.skipped for outcome in outcomes)
    if skipped:
        out.print(f"{skipped:,} boxes were left out: their image has no size, or they are not finite.", style="yellow")


def _anchor_set(text: str) -> Union[str, datasets.AnchorSet]:
    """A name, or "sizes=32,64/128;strides=8/16;ratios=0.5,1,2;angles=0,45": levels are divided by /, and anchors with angles are rotated."""
    if "=" not in text:
        return text
    try:
        parts = dict(part.split("=") for part in text.split(";"))
        levels = [tuple(map(float, level.split(","))) for level in parts.pop("sizes").split("/")]
        strides = tuple(map(float, parts.pop("strides").split("/")))
        ratios = tuple(map(float, parts.pop("ratios", "0.5,1,2").split(",")))
        angles = tuple(map(float, parts.pop("angles").split(","))) if "angles" in parts else ()
        if parts:
            raise ValueError
    except (KeyError, ValueError):
        raise ValueError(
            f"--set must be {', '.join(datasets.ANCHOR_SETS)}, or like sizes=32,40/64,80;strides=8/16;ratios=0.5,1,2, not {text!r}"
        ) from None
    return datasets.AnchorSet(tuple(levels), strides, ratios, angles)


def _sides(text: str) -> Tuple[float, ...]:
    try:
        return tuple(map(float, text.split(",")))
    except ValueError:
        raise ValueError(f"--resize must be SHORTER,LONGEST, not {text!r}") from None


@app.command()
def anchors(
    path: Annotated[Path, typer.Argument(help="A file, a folder of XML or text files, or a list of them: data.yaml, train.txt.")],
    anchor_set: Annotated[str, typer.Option("--set", help=_SET)] = "retinanet",
    threshold: Annotated[float, typer.Option(help="The overlap from which an anchor belongs to a truth.")] = 0.5,
    resize: Annotated[Optional[str], typer.Option(metavar="SHORTER,LONGEST", help=_RESIZE)] = None,
    format: Format = None,
    images: Images = None,
    image_size: ImageSize = None,
    boxes: Boxes = None,
    image_column: ImageColumn = None,
    columns: Columns = None,
    encoding: Encoding = None,
    unit: Unit = None,
    exif: Exif = None,
    examples: Annotated[int, typer.Option(min=0, help="Truths that no anchor reaches, to list.")] = 3,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Fit an anchor set to the data: means and stds of the deltas, truths that no anchor reaches.

    Exit status: 0, or 2 if something could not be read.
    """
    with _refusals():
        sides = None if resize is None else _sides(resize)
        data = _read(path, format, images, image_size, boxes, image_column, columns, encoding, unit, exif)
        fit = datasets.anchors(data, _anchor_set(anchor_set), threshold=threshold, resize=sides, track=track)
        as_bounds = data.turned and len(fit.means) == 4
    worst = fit.unreached[fit.best[fit.unreached].argsort(kind="stable")][:examples].tolist()
    if as_json:
        rows = [
            {**_place(data.source.place(row)), "image": data.image_name(row), "annotation": data.ids[row], "iou": float(fit.best[row])}
            for row in worst
        ]
        numbers = {key: value for key, value in asdict(fit).items() if key not in ("best", "unreached")}
        report = {"set": anchor_set, **numbers, "unreached": len(fit.unreached), "examples": rows, "unreadable": _errors(data.unreadable)}
        _json({"boxgrad": __version__, **report})
        raise typer.Exit(2 if data.unreadable else 0)
    out.print(
        f"{fit.truths:,} truths, {fit.matches:,} anchors matched" + (f", {quantity(fit.skipped, 'box', 'boxes')} left out" if fit.skipped else ""),
        highlight=False,
    )
    if as_bounds:
        out.print("Rotated boxes are taken as their bounds: --set rrpn-fpn, or one with angles, fits them as they are.", style="yellow")
    if not fit.truths:
        out.print("There is no truth to fit anchors to.", style="yellow")
    for name, four in (("means", fit.means), ("stds", fit.stds)) if fit.truths else ():
        out.print(f"{name}=({', '.join(f'{number:.4f}' for number in four)})", highlight=False)
    out.print(f"dw or dh above {fit.log_ratio_clip:.4f}, where decoding clips: {fit.clipped:,}", highlight=False)
    share = len(fit.unreached) / max(fit.truths, 1)
    out.print(f"truths that no anchor overlaps by {threshold:g}: {len(fit.unreached):,} ({share:.1%})", highlight=False)
    for row in worst:
        where, box = data.source.place(row), ", ".join(f"{number:g}" for number in data.boxes[row].tolist())
        out.print(
            f"  {_plain(str(where))} {_plain(data.image_name(row))}: {box}, best IoU {fit.best[row]:.3f}", highlight=False, soft_wrap=True
        )
    _print_unreadable(data.unreadable)
    raise typer.Exit(2 if data.unreadable else 0)


from . import cli_fix as cli_fix  # noqa: E402  the command `fix`, which takes its options from here
