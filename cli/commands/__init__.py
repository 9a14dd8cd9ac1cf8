"""The commands, a folder for each group of them and a file for each."""
