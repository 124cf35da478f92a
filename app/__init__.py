"""The doors: commands and, later, the web."""
