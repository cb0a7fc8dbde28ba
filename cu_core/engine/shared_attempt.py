"""An attempt on several processes as rank 0 sees it."""

from __future__ import annotations

import os

from cu_core.base.errors import Cancelled, ProcessLost
from cu_core.runstore.attempt import Attempt


class SharedAttempt(Attempt):
    """Tells a wish of the user from a signal to end: torchrun sends one to all when one of them dies."""

    def check(self) -> None:
        """Ends the work if it is not wanted any more, or cannot go on.

        Raises:
            Replaced: see `Attempt.check`.
            Cancelled: the user asked the run to stop.
            ProcessLost: this process was told to end, and not by the user.
        """
        try:
            super().check()
        except Cancelled as error:
            if os.path.exists(self._cancel):
                raise
            raise ProcessLost("told to end, probably because another process of this run is gone") from error
