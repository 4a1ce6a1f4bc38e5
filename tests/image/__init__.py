"""The images, built and run by an engine in small."""
