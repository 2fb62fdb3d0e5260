"""An invented archive, and a demonstration that survives kill -9."""
