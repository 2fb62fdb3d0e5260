"""What people read of an extraction: status and report."""
