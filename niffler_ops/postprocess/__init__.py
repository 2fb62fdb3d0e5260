"""What is made of a study's files: records, pictures, de-identified DICOM, or what a site's command makes."""
