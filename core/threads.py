"""A thread of its own for each blocking call, so that one that never returns (a silent name server, a dead mount) keeps
no other waiting and holds up no stop. It is the loop's default executor, which name look-ups and `to_thread` use.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

MOST_THREADS: Final = 256  # calls that hang; whoever comes then fails at once, as it would have for lack of memory


class ThreadPerCall(ThreadPoolExecutor):
    """A ThreadPoolExecutor to asyncio's eye, which accepts no other, without the pool."""

    def __init__(self) -> None:
        super().__init__(max_workers=1)
        self._places = threading.Semaphore(MOST_THREADS)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Raises RuntimeError while MOST_THREADS calls hang."""
        if not self._places.acquire(blocking=False):
            raise RuntimeError(f"{MOST_THREADS} blocking calls hang already")
        answer: Future[Any] = Future()

        def call() -> None:
            try:
                if answer.set_running_or_notify_cancel():
                    _settle(answer, fn, *args, **kwargs)
            finally:
                self._places.release()

        try:
            threading.Thread(target=call, name="blocking call", daemon=True).start()
        except RuntimeError:  # no memory for one more
            self._places.release()
            raise
        return answer

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Waits for nothing: what still hangs ends with the process."""


def _settle(answer: Future[Any], fn: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    try:
        result = fn(*args, **kwargs)
    except BaseException as error:  # noqa: BLE001 - it is the waiter's to handle
        answer.set_exception(error)
    else:
        answer.set_result(result)
