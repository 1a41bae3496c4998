"""The explorer: one offline page with sliders, whose numbers are the calculator's own programs in JavaScript."""
