"""What the library logs, handed to `logging` by a thread of its own, so that no handler can hold up the library."""

import os
import threading

from stratheal._stratheal import LogReader

_reader: LogReader | None = None


def begin() -> None:
    """Begins to hand on what is logged in this process, from the level of the logger `stratheal` on."""
    global _reader
    import logging

    logger = logging.getLogger("stratheal")
    level = min(logger.getEffectiveLevel(), 255)
    if _reader is not None:
        _reader.set_level(level)
        return
    reader = _reader = LogReader.open(level)

    def hand_on() -> None:
        while os.read(reader.fileno(), 4096):
            lines, lost = reader.take()
            for number, target, text in lines:
                # `stratheal_core::engine` becomes `stratheal.engine`, and `_stratheal::dispatch` `stratheal.dispatch`.
                name = target.replace("::", ".").replace("stratheal_core", "stratheal", 1).lstrip("_")
                # A handler that raises must not end the log for everybody.
                try:
                    logging.getLogger(name).log(number, "%s", text)
                except Exception:  # noqa: S112
                    continue
            if lost:
                logger.warning("%d lines were lost, because they came faster than they were taken", lost)

    threading.Thread(target=hand_on, name="stratheal-log", daemon=True).start()


def forget() -> None:
    """Forgets the thread, in a process that was forked."""
    global _reader
    _reader = None
