#!/usr/bin/env python3
"""Measures the error of every function against 40 digits, shows the worst of each, and fails if one is above its promise."""

import argparse
import os
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed

import campaign
import page
from promises import PROMISES
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table


def merge(results):
    merged = {}
    for result in results:
        for key, measured in result.items():
            merged[key] = merged[key].merged(measured) if key in merged else measured
    return merged


def measure(tasks, jobs, show):
    """The results of campaign.run for every task, in the tasks' order."""
    with ProcessPoolExecutor(jobs) as pool, show as progress:
        bar = progress.add_task("measuring", total=len(tasks))
        futures = [pool.submit(campaign.run, *task) for task in tasks]
        for _ in as_completed(futures):
            progress.advance(bar)
        return [future.result() for future in futures]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--function", action="append", choices=PROMISES, metavar="NAME", help="only this one (may be repeated)")
    parser.add_argument("--rounds", type=int, default=10, help="rounds of inputs, each from a seed of its own (default: %(default)s)")
    parser.add_argument("--count", type=int, default=12, help="boxes of each kind and scale in a round (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the first round (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="processes (default: the CPUs, %(default)s)")
    parser.add_argument("--write", action="store_true", help="rewrite docs/accuracy.md, or its rows of --function, by rounds like its others")
    options = parser.parse_args()
    if options.write and options.function:
        options.rounds, options.count, options.seed = page.campaign()

    console = Console(width=160)
    names = options.function or PROMISES
    seeds = range(options.seed, options.seed + options.rounds)
    tasks = [(name, dtype, seed, options.count) for seed in seeds for name, dtype in campaign.TASKS if name in names]
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    measured = merge(measure(tasks, options.jobs, Progress(*columns, console=Console(stderr=True)))).values()

    table = Table(*page.COLUMNS)
    for row in page.rows_of(measured):
        table.add_row(*row)
    console.print(table)
    numbers = sum(m.count for m in measured)
    made = f"{numbers:,} numbers: {options.rounds} rounds of {options.count} boxes of each kind and scale, seeds from {options.seed} on.\n"
    console.print(made)
    if options.write:
        page.write(page.rows_of(measured), made)
    broken = [m for m in measured if not m.within_promise]
    for m in broken:
        console.print(f"[red]{m.message()}", soft_wrap=True)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
