-- Every file of the served folder; those that are no instance have no sop_instance.
CREATE TABLE files (
    path BLOB PRIMARY KEY,
    size INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    study TEXT,
    series TEXT,
    sop_instance TEXT,
    sop_class TEXT,
    transfer_syntax TEXT,
    offset INTEGER,
    modality TEXT,
    patient_id BLOB,
    accession_number BLOB,
    header BLOB
) STRICT;

CREATE INDEX files_by_study ON files (study, series, sop_instance, modality);
CREATE INDEX files_by_patient ON files (patient_id);
CREATE INDEX files_by_accession ON files (accession_number);
