"""The derivation report: one page with the model, the theorems, how each was proved, the formulas, the evidence."""
