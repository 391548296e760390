"""Maps of cells, coverings and features: axes in, artists out."""
