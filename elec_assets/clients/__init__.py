"""One outside system a file; the only code that talks to the world."""
