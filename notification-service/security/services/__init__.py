"""One use case a file, one local transaction each; nothing here calls out."""
