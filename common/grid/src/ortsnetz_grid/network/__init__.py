"""Three-phase network model: files, names, loading."""
