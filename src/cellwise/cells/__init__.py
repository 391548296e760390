"""Cell functions: arrays in, arrays out, one module for each question asked."""
