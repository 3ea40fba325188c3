"""Runs the main job and the documents' experiments from C and from Python, checks the results, and draws them.

Needs the built library and the two C programs; `make demo` sees to both.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import boxgrad
import detector
import experiments
import report
import results
import two_stage
from checks import Check, check_experiments, check_job, check_training_step, compare
from results import Results


def run_c(program: Path, data: Path, out: Path) -> tuple[str, Results]:
    """What a C program printed, and what it recorded."""
    path = out / f"{program.name}.results"
    printed = subprocess.run([program, data, path], check=True, stdout=subprocess.PIPE, text=True).stdout
    return printed, results.read(path)


def summary(title: str, checks: list[Check]) -> str:
    width = max(len(check.what) for check in checks)
    lines = [f"   {'ok  ' if check.passed else 'FAIL'}  {check.what:<{width}}  {check.found}" for check in checks]
    return "\n".join([title, *lines])


def by_group(checks: list[Check]) -> list[Check]:
    """The checks that passed, those named "group/..." as one, and then those that failed."""
    groups: dict[str, list[Check]] = {}
    for check in checks:
        if check.passed:
            groups.setdefault(check.what.split("/")[0], []).append(check)
    passed = [Check(group, True, f"{len(members)} arrays") for group, members in groups.items()]
    return passed + [check for check in checks if not check.passed]


def main() -> int:
    root = Path(__file__).resolve().parents[1]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, default=detector.DATA, help="folder of the input files (default: examples/data)"
    )
    parser.add_argument(
        "--out", type=Path, default=root / "build" / "demo",
        help="folder for the report; the C programs detector, experiments and two_stage are there (default: build/demo)",
    )  # fmt: skip
    arguments = parser.parse_args()

    inputs = detector.load(arguments.data)
    printed_job, c_job = run_c(arguments.out / "detector", arguments.data, arguments.out)
    printed_experiments, c_experiments = run_c(arguments.out / "experiments", arguments.data, arguments.out)
    printed_step, c_step = run_c(arguments.out / "two_stage", arguments.data, arguments.out)
    printed = f"{printed_job}\n{printed_experiments}\n{printed_step}"
    print(printed)

    job = detector.run(inputs)
    done = experiments.run(inputs)
    deltas = boxgrad.encode_boxes(inputs.boxes, detector.refine(inputs.boxes, inputs.corrections))
    step = two_stage.training_step(inputs.boxes, deltas, inputs.scores, inputs.face[None], detector.IMAGE_SIZE)
    agreement = compare({**job, **done.results(), **step}, {**c_job, **c_experiments, **c_step})
    checks = check_job(inputs, job) + check_experiments(done) + check_training_step(step)
    print(summary("C and Python, to the last bit", by_group(agreement)))
    print(summary("\nWhat was expected", checks))

    page = report.write(arguments.out, arguments.data / "astronaut.png", inputs, job, done, printed, agreement, checks)
    failed = sum(not check.passed for check in agreement + checks)
    passed = len(agreement + checks) - failed
    print(f"\nboxgrad {boxgrad.__version__} ({boxgrad.cpu_tier()}): {passed} checks passed, {failed} failed")
    print(f"report: {page}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
