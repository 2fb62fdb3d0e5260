"""Which options of the Basic Profile are chosen (PS3.15 E.3), by the names of config.json."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum, auto

from niffler_ops.errors import ConfigurationError

KEY = "DeidentifyOptions"
MODIFIED_DATES, FULL_DATES = "RetainModifiedDates", "RetainFullDates"
DEVICE_IDENTITY, PATIENT_CHARACTERISTICS = "RetainDeviceIdentity", "RetainPatientCharacteristics"
CLEAN_DESCRIPTORS = "CleanDescriptors"
NAMES = (MODIFIED_DATES, FULL_DATES, DEVICE_IDENTITY, PATIENT_CHARACTERISTICS, CLEAN_DESCRIPTORS)


class Dates(Enum):
    """What happens to dates; times of day go with them."""

    REMOVED = auto()  # as the Basic Profile says
    MODIFIED = auto()  # moved back by the patient's days, intervals stay
    FULL = auto()


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """The chosen options; the default is what config.json has where it names none."""

    dates: Dates = Dates.MODIFIED
    device_identity: bool = False
    patient_characteristics: bool = True
    clean_descriptors: bool = False

    @classmethod
    def parse(cls, names: Sequence[str]) -> "Options":
        """The options that `names` choose; none of them is the bare Basic Profile.

        Raises ConfigurationError with every name that is wrong, and the likely one.
        """
        problems = [_unknown(name) for name in names if name not in NAMES]
        if MODIFIED_DATES in names and FULL_DATES in names:
            problems.append(f"{KEY}: {MODIFIED_DATES} and {FULL_DATES} exclude each other; name one of them")
        if problems:
            raise ConfigurationError(*problems)
        return cls(
            dates=_dates(names),
            device_identity=DEVICE_IDENTITY in names,
            patient_characteristics=PATIENT_CHARACTERISTICS in names,
            clean_descriptors=CLEAN_DESCRIPTORS in names,
        )


def _dates(names: Sequence[str]) -> Dates:
    if FULL_DATES in names:
        return Dates.FULL
    return Dates.MODIFIED if MODIFIED_DATES in names else Dates.REMOVED


def _unknown(name: str) -> str:
    folded = {known.casefold(): known for known in NAMES}
    likely = get_close_matches(str(name).casefold(), folded, n=1)
    hint = f"; did you mean {folded[likely[0]]}?" if likely else "."
    return f"{KEY}: {name!r} is no option{hint} Allowed are {', '.join(NAMES)}"
