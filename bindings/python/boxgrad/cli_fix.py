"""The command `boxgrad fix`."""

# Without postponed annotations: typer reads them, and in Python 3.9 it sees strings otherwise.

from pathlib import Path
from typing import Any, List, Optional

import typer
from rich.table import Table
from typing_extensions import Annotated

from . import __version__, cli, datasets
from .datasets.model import Dataset, quantity

_POLICY = "What to do, with commas between: " + "; ".join(f"{name}: {what}" for name, what in datasets.POLICIES.items()) + "."
_MALFORMED = "The share of malformed annotations, from 0 to 1, up to which the others are repaired; otherwise 0.01, or 5 of them."
_DROPPED = "The share of boxes, from 0 to 1, that may be dropped, or clipped to nothing; otherwise 0.05, or 20 of them."
_TRY = "Print what would change as a diff, and write nothing."


@cli.app.command()
def fix(
    path: Annotated[Path, typer.Argument(help="A file, or a folder of XML or text files.")],
    policy: Annotated[str, typer.Option(help=_POLICY)],
    new: Annotated[Optional[Path], typer.Option("--out", help="The repaired copy, which must not exist yet.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=_TRY)] = False,
    format: cli.Format = None,
    images: cli.Images = None,
    image_size: cli.ImageSize = None,
    boxes: cli.Boxes = None,
    image_column: cli.ImageColumn = None,
    columns: cli.Columns = None,
    encoding: cli.Encoding = None,
    unit: cli.Unit = None,
    exif: cli.Exif = None,
    min_size: cli.MinSize = 1.0,
    allow_malformed: Annotated[Optional[float], typer.Option(metavar="F", help=_MALFORMED)] = None,
    max_dropped: Annotated[Optional[float], typer.Option(metavar="F", help=_DROPPED)] = None,
    as_json: cli.AsJson = False,
) -> None:  # fmt: skip
    """Write a repaired copy: numbers are replaced and annotations are cut out in place; nothing else changes.

    The copy is compared with the original before it appears. That of a folder is without photos and other files of which no label was read.

    Exit status: 0 written, though the policy may leave problems; 2 not written, because the format or a size is not certain or too much
    would go, or something could not be read and was copied as it is.
    """
    with cli._refusals():
        if new is None and not dry_run:
            raise ValueError("--out must name the repaired copy, or --dry-run print what would change")
        data = cli._read(path, format, images, image_size, boxes, image_column, columns, encoding, unit, exif)
        done = datasets.fix(
            data, new, [name.strip() for name in policy.split(",")], min_size=min_size, allow_malformed=allow_malformed,
            max_dropped=max_dropped, dry_run=dry_run, track=cli.track,
        )  # fmt: skip
    if as_json:
        _print_json(data, done)
    else:
        _print(data, done)
    raise typer.Exit(2 if data.unreadable else 0)


def _changes(changes: List[datasets.Change]) -> List[dict[str, Any]]:
    return [
        {
            "policy": one.policy,
            **cli._place(one.place),
            "image": one.image,
            "annotation": one.id,
            "before": one.before,
            "after": one.after or None,
        }
        for one in changes
    ]


def _print_json(data: Dataset, done: datasets.Repair) -> None:
    cli._json({
        "boxgrad": __version__, "out": done.out, "format": data.format, "evidence": data.evidence, "said": data.said,
        "changes": _changes(done.changes), "left": _changes(done.left), "not_copied": done.not_copied, "diff": done.diffs,
        "before": done.before, "after": done.after, "unreadable": cli._errors(data.unreadable),
    })  # fmt: skip


def _print(data: Dataset, done: datasets.Repair) -> None:
    def line(text: str) -> None:
        cli.out.print(text, highlight=False, soft_wrap=True)

    line(f"[bold]{cli._plain(str(data.path))}[/]: {cli._plain(data.taken_as)}")
    cli.print_said(data)
    for diff in done.diffs:
        for one in diff.splitlines():
            line(cli._plain(one))
    for change in done.changes if not done.diffs else ():
        line(f"{change.policy}: {cli._plain(str(change.place))} {cli._plain(change.image)}: {change.before} -> {change.after or 'dropped'}")
    table = Table("problem", "before", "after", header_style="bold")
    for name in dict.fromkeys([*done.before, *done.after]):
        table.add_row(name, f"{done.before.get(name, 0):,}", f"{done.after.get(name, 0):,}")
    if table.row_count:
        cli.out.print(table)
    for change in done.left[:3]:
        line(f"not rewritten: {cli._plain(str(change.place))}: {change.policy} {change.before} -> {change.after or 'dropped'}")
    if done.left:
        because = "because the row says more than its format explains or edits in place, or what its twin does not"
        line(f"{quantity(len(done.left), 'repair')} not done, {because}")
    if done.not_copied:
        count = quantity(len(done.not_copied), "file")
        line(f"not in the copy: {count} of which no label was read, like {cli._plain(str(done.not_copied[0]))}")
    counts = ", ".join(f"{name} {count:,}" for name, count in done.counts.items()) or "nothing to change"
    line(f"{cli._plain(str(done.out)) if done.out else 'nothing is written; this would be done'}: {counts}")
    cli._print_unreadable(data.unreadable, "unreadable, copied as it is" if done.out else "unreadable")
