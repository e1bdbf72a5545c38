"""The command line: one module per command, options in, exit status out."""
