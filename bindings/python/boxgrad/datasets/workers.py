"""Functions called in other processes, which are interpreters of their own: they need nothing of the program that starts them.

multiprocessing would import the program again, which a program from stdin or a notebook has none of.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any, Callable, Iterator

from ..errors import BoxgradError
from .model import quantity

_PROGRAM = "import sys; sys.path[:] = {path!r}; from {module} import serve; serve()"


@contextmanager
def workers(count: int) -> Iterator[Callable[..., Future[Any]]]:
    """Gives a function that calls one of a module, with one argument, in one of so many processes. All of them end with the block."""
    program = _PROGRAM.format(path=sys.path, module=__name__)
    with _uninterrupted():
        started = [subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(count)]
    idle: SimpleQueue[subprocess.Popen[bytes]] = SimpleQueue()
    for process in started:
        idle.put(process)

    def called(function: Callable[[Any], Any], argument: Any) -> Any:
        process = idle.get()
        try:
            assert process.stdin is not None and process.stdout is not None
            pickle.dump((function, argument), process.stdin)
            process.stdin.flush()
            result, error = pickle.load(process.stdout)
        except (OSError, EOFError, pickle.UnpicklingError):
            said = f"one of {quantity(count, 'process', 'processes')} ended by itself, perhaps because memory is short"
            raise BoxgradError(said) from None
        finally:
            idle.put(process)
        if error is not None:
            raise error
        return result

    threads = ThreadPoolExecutor(count)  # each waits for a process
    try:
        yield lambda function, argument: threads.submit(called, function, argument)
    finally:
        for process in started:
            process.kill()
        threads.shutdown(cancel_futures=True)
        for process in started:
            process.communicate()


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Processes that start here ignore an interrupt from their first moment on: the one that starts them is interrupted, and ends them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def serve() -> None:
    """What a process does: answers calls until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    calls, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever is printed is no answer
    while True:
        try:
            function, argument = pickle.load(calls)
        except EOFError:
            return
        answer: tuple[Any, Exception | None]
        try:
            answer = function(argument), None
        except Exception as error:
            answer = None, error
        answers.write(_pickled(answer))
        answers.flush()


def _pickled(answer: Any) -> bytes:
    try:
        return pickle.dumps(answer)
    except Exception as error:  # an error that cannot be sent
        return pickle.dumps((None, BoxgradError(f"{answer[1]!r} of a process cannot be sent: {error}")))
