"""Configurations in the shapes that Niffler has had, with values of our own."""

from typing import Any

SYSTEM: dict[str, Any] = {
    "DCM4CHEBin": "/opt/dcm4che-5.22.5/bin",
    "SrcAet": "OLD_ARCHIVE@pacs.example.org:104",
    "QueryAet": "QBNIFFLER:4243",
    "DestAet": "QBNIFFLER",
    "NightlyOnly": True,
    "StartHour": 19,
    "EndHour": 7,
    "NifflerID": 1,
    "MaxNifflerProcesses": 1,
}
COMMON: dict[str, Any] = {
    "NifflerSystem": "system.json",
    "StorageFolder": "/data/cohort",
    "FilePath": "{00100020}/{0020000D}/{0020000E}/{00080018}.dcm",
    "CsvFile": "csv/cohort.csv",
    "DateFormat": "%Y%m%d",
    "SendEmail": False,
    "YourEmail": "nobody@example.org",
}
EARLIER: dict[str, Any] = COMMON | {
    "ExtractionType": "empi_accession",
    "AccessionIndex": 1,
    "PatientIndex": 0,
    "DateIndex": 1,
    "DateType": "StudyDate",
}
LATER: dict[str, Any] = COMMON | {
    "NumberOfQueryAttributes": 1,
    "FirstAttr": "PatientID",
    "FirstIndex": 0,
    "SecondAttr": "AccessionNumber",
    "SecondIndex": 5,
    "ThirdAttr": "StudyDate",
    "ThirdIndex": 3,
    "LongAccession": False,
}
PNG: dict[str, Any] = {
    "DICOMHome": "/data/cohort",
    "OutputDirectory": "/data/pictures",
    "Depth": 3,
    "SplitIntoChunks": 1,
    "PrintImages": True,
    "CommonHeadersOnly": False,
    "PublicHeadersOnly": True,
    "SpecificHeadersOnly": False,
    "UseProcesses": 0,
    "FlattenedToLevel": "patient",
    "is16Bit": True,
    "SendEmail": True,
    "YourEmail": "nobody@example.org",
}
META: dict[str, Any] = {
    "DCM4CHEBin": "/opt/dcm4che-5.22.5/bin",
    "QueryAet": "RTNIFFLER:4242",
    "StorageFolder": "/data/stream",
    "FilePath": "{00100020}/{0020000D}/{0020000E}/{00080018}.dcm",
}
CONCURRENT: dict[str, Any] = {
    "QueryAet": ["RTNIFFLER:4242", "QBNIFFLER:4243"],
    "DestAet": ["RTNIFFLER", "QBNIFFLER"],
}
