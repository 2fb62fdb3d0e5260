"""The dcm4che tools as text: a request to argv and query files, output to outcomes. Nothing runs here."""
