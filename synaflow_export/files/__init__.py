"""Generated files, and putting them into a folder, where people may have edited them since."""
