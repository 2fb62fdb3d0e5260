"""At which level of a query a key belongs, from the tables of the standard."""

from typing import Literal

Level = Literal["STUDY", "SERIES", "IMAGE"]


def _words(*texts: str) -> frozenset[str]:
    return frozenset(word for text in texts for word in text.split())


STUDY_KEYWORDS = _words(
    # PS3.4 Tables C.6-1, C.6-2 and C.6-5: Patient level (part of the study level in the Study Root model)
    # and Study level. Retired keys that archives still answer are among them.
    """
    PatientName PatientID IssuerOfPatientID TypeOfPatientID OtherPatientIDs OtherPatientNames
    PatientBirthDate PatientBirthTime PatientSex EthnicGroup PatientComments
    NumberOfPatientRelatedStudies NumberOfPatientRelatedSeries NumberOfPatientRelatedInstances
    StudyInstanceUID StudyDate StudyTime StudyID StudyDescription AccessionNumber ReferringPhysicianName
    ModalitiesInStudy SOPClassesInStudy NameOfPhysiciansReadingStudy AdmittingDiagnosesDescription
    PatientAge PatientSize PatientWeight Occupation AdditionalPatientHistory OtherStudyNumbers
    InterpretationAuthor NumberOfStudyRelatedSeries NumberOfStudyRelatedInstances StudyStatusID
    StudyPriorityID StudyComments
    """,
    # "All other attributes at patient level": PS3.3 C.7.1.1 Patient and C.7.1.3 Clinical Trial Subject.
    """
    PatientBirthDateInAlternativeCalendar PatientDeathDateInAlternativeCalendar PatientAlternativeCalendar
    PatientBreedDescription PatientSpeciesDescription StrainDescription StrainNomenclature
    StrainAdditionalInformation ResponsiblePerson ResponsiblePersonRole ResponsibleOrganization
    QualityControlSubject PatientIdentityRemoved DeidentificationMethod ClinicalTrialSponsorName
    ClinicalTrialProtocolID IssuerOfClinicalTrialProtocolID ClinicalTrialProtocolName ClinicalTrialSiteID
    IssuerOfClinicalTrialSiteID ClinicalTrialSiteName ClinicalTrialSubjectID IssuerOfClinicalTrialSubjectID
    ClinicalTrialSubjectReadingID IssuerOfClinicalTrialSubjectReadingID
    ClinicalTrialProtocolEthicsCommitteeName ClinicalTrialProtocolEthicsCommitteeApprovalNumber
    """,
    # "All other attributes at study level": PS3.3 C.7.2.1 General Study, C.7.2.2 Patient Study and C.7.2.3
    # Clinical Trial Study.
    """
    ConsultingPhysicianName PhysiciansOfRecord RequestingService PatientBodyMassIndex PatientState
    MeasuredAPDimension MeasuredLateralDimension MedicalAlerts Allergies SmokingStatus LastMenstrualDate
    PatientSexNeutered AdmissionID ServiceEpisodeID ServiceEpisodeDescription ReasonForVisit
    ClinicalTrialTimePointID IssuerOfClinicalTrialTimePointID ClinicalTrialTimePointDescription
    LongitudinalTemporalEventType
    """,
)
"""Keys of patient and study level."""

SERIES_KEYWORDS = _words(
    # PS3.4 Table C.6-3.
    "Modality SeriesNumber SeriesInstanceUID NumberOfSeriesRelatedInstances",
    # "All other attributes at series level": PS3.3 C.7.3.1 General Series, C.7.3.2 Clinical Trial Series and
    # the series modules of the modalities, as far as their attributes are not of the image as well.
    """
    SeriesDate SeriesTime SeriesDescription Laterality BodyPartExamined ProtocolName PatientPosition
    PerformingPhysicianName OperatorsName AnatomicalOrientationType TreatmentSessionUID
    PerformedProcedureStepID PerformedProcedureStepDescription CommentsOnThePerformedProcedureStep
    PerformedProcedureStepStartDate PerformedProcedureStepStartTime PerformedProcedureStepEndDate
    PerformedProcedureStepEndTime PerformedProtocolType PresentationIntentType
    ClinicalTrialCoordinatingCenterName ClinicalTrialSeriesID IssuerOfClinicalTrialSeriesID
    ClinicalTrialSeriesDescription CollimatorGridName PhosphorType PlateType SeriesType Units SUVType
    ReconstructionMethod ReprojectionMethod AttenuationCorrectionMethod ScatterCorrectionMethod
    RandomsCorrectionMethod DecayCorrection SecondaryCountsType
    """,
    # PS3.3 C.7.5.1 General Equipment, C.7.5.2 Enhanced and C.8.6.1 SC Equipment, C.7.4.1 Frame of Reference
    # and C.7.4.2 Synchronization: entities that a series belongs to (PS3.3 A.1.2).
    """
    Manufacturer ManufacturerModelName StationName InstitutionName InstitutionAddress
    InstitutionalDepartmentName DeviceSerialNumber DeviceUID SoftwareVersions GantryID SpatialResolution
    DateOfManufacture DateOfInstallation DateOfLastCalibration TimeOfLastCalibration
    SecondaryCaptureDeviceID SecondaryCaptureDeviceManufacturer SecondaryCaptureDeviceManufacturerModelName
    SecondaryCaptureDeviceSoftwareVersions FrameOfReferenceUID PositionReferenceIndicator
    SynchronizationFrameOfReferenceUID SynchronizationTrigger AcquisitionTimeSynchronized
    """,
)
"""Keys of series level."""


def level_of(keyword: str) -> Level:
    """The level at which an archive can be expected to match a key.

    PS3.4 C.6.1.1 and C.6.2.1 name the keys of each level; any other attribute is at that of the information
    entity that it belongs to (PS3.3 A.1.2), IMAGE where that is none of patient, study and series.
    """
    if keyword in STUDY_KEYWORDS:
        return "STUDY"
    return "SERIES" if keyword in SERIES_KEYWORDS else "IMAGE"
