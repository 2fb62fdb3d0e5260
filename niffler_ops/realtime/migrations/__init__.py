"""The numbered scripts that make the schema."""
