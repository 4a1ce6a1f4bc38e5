"""One use case a file, each function one local transaction; nothing here calls another process."""
