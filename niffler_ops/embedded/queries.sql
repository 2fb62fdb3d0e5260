-- name: known
SELECT path, size, modified_ns FROM files;

-- name: put
INSERT OR REPLACE INTO files
    (path, size, modified_ns, study, series, sop_instance, sop_class, transfer_syntax, offset, modality,
     patient_id, accession_number, header)
VALUES
    (:path, :size, :modified_ns, :study, :series, :sop_instance, :sop_class, :transfer_syntax, :offset, :modality,
     :patient_id, :accession_number, :header);

-- name: remove
DELETE FROM files WHERE path = ?;

-- name: totals
SELECT count(DISTINCT study) AS studies, count(DISTINCT sop_instance) AS instances
FROM files WHERE sop_instance IS NOT NULL;

-- name: by_study
SELECT * FROM files
WHERE study IN (SELECT value FROM json_each(?)) AND sop_instance IS NOT NULL
ORDER BY study, series, path;

-- name: by_series
SELECT * FROM files
WHERE study IN (SELECT value FROM json_each(?)) AND series IN (SELECT value FROM json_each(?))
    AND sop_instance IS NOT NULL
ORDER BY study, series, path;

-- name: by_patient
SELECT * FROM files WHERE patient_id = ? AND sop_instance IS NOT NULL ORDER BY study, series, path;

-- name: by_accession
SELECT * FROM files WHERE accession_number = ? AND sop_instance IS NOT NULL ORDER BY study, series, path;

-- name: one_of_each_study
SELECT *, min(path) FROM files WHERE sop_instance IS NOT NULL GROUP BY study ORDER BY study;

-- name: counts_of_study
SELECT count(DISTINCT series) AS series, count(DISTINCT sop_instance) AS instances,
       group_concat(DISTINCT modality) AS modalities, group_concat(DISTINCT sop_class) AS sop_classes
FROM files
WHERE study = ? AND sop_instance IS NOT NULL;

-- name: counts_of_series
SELECT count(DISTINCT sop_instance) AS instances FROM files
WHERE study = ? AND series = ? AND sop_instance IS NOT NULL;

-- name: counts_of_patient
SELECT count(DISTINCT study) AS studies, count(DISTINCT series) AS series,
       count(DISTINCT sop_instance) AS instances
FROM files
WHERE patient_id = ? AND sop_instance IS NOT NULL;
