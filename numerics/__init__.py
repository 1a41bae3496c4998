"""Exact theory of in-context learning under fine-tuning of linear attention."""
