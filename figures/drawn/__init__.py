"""The figures, a module each: its numbers from theory and numerics, and how they are drawn."""
