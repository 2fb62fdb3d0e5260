import pytest

from niffler_ops.deidentify import Dates, Options
from niffler_ops.errors import ConfigurationError


def test_the_default_is_what_the_documentation_says() -> None:
    assert Options() == Options.parse(["RetainModifiedDates", "RetainPatientCharacteristics"])


def test_no_option_is_the_bare_profile() -> None:
    options = Options.parse([])
    assert options.dates is Dates.REMOVED
    assert not any((options.device_identity, options.patient_characteristics, options.clean_descriptors))


def test_the_options_of_the_receiver() -> None:
    options = Options.parse(["RetainDeviceIdentity", "RetainFullDates", "CleanDescriptors"])
    assert options.dates is Dates.FULL
    assert options.device_identity
    assert options.clean_descriptors
    assert not options.patient_characteristics


def test_all_errors_are_told_at_once_with_the_likely_name() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Options.parse(
            ["retainmodifieddates", "RetainDevice", "nonsense", "RetainFullDates", "RetainModifiedDates"]
        )
    assert len(caught.value.problems) == 4
    assert "did you mean RetainModifiedDates?" in caught.value.problems[0]
    assert "did you mean RetainDeviceIdentity?" in caught.value.problems[1]
    assert "Allowed are RetainModifiedDates, RetainFullDates" in caught.value.problems[2]
    assert "exclude each other" in caught.value.problems[3]
