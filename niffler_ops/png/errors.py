"""What this room refuses."""

from niffler_ops.errors import NifflerError


class CannotRenderError(NifflerError):
    """An instance, or one of its frames, that cannot become a picture; the text says why, for failures.csv.

    It never repeats a value of a patient's.
    """

    exit_status = 65
