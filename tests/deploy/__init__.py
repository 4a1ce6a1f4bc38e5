"""The files that deploy the suite, judged by their schemas and against each other."""
