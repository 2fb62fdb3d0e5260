"""The real-time receiver: it keeps metadata of a stream, and deletes the images once that is stored."""
