"""What the fuzzers of reading and of repairs share: cases until the time is over, and their command line."""

import argparse
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path


def run(case, seconds, seed, cases=None):
    """Outcomes of case(seed, folder) until the time is over, and the seeds that failed."""
    outcomes, failed = Counter(), []
    end = time.monotonic() + seconds
    while (cases is None and time.monotonic() < end) or (cases is not None and sum(outcomes.values()) < cases):
        folder = Path(tempfile.mkdtemp(prefix="boxgrad-fuzz-"))
        try:
            outcomes[case(seed, folder)] += 1
        except Exception as error:
            outcomes["failed"] += 1
            failed.append((seed, f"{type(error).__name__}: {error}"))
            print(f"--seed {seed}: {traceback.format_exc(limit=-3)}", file=sys.stderr, flush=True)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        seed += 1
    return outcomes, failed


def parser(description):
    """The options of every fuzzer."""
    options = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--cases", type=int)
    return options


def finish(outcomes, failed):
    """Prints the outcomes, and ends with status 1 if a case failed."""
    print(f"{sum(outcomes.values()):,} cases: " + ", ".join(f"{count:,} {name}" for name, count in sorted(outcomes.items())))
    sys.exit(bool(failed))
