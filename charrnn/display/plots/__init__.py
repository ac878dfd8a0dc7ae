"""Plots: a chart is plain data, drawn in a terminal, as SVG or as PNG."""
