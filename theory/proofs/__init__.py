"""Proofs of the theorems, one module a theorem, and the exact enumeration that confirms them."""
