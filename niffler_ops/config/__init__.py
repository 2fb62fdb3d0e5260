"""JSON files and options to one frozen Config, or every error at once."""
