"""What a developer is promised: commands, ports, log files and recipes, tried in a copy of the tree."""
