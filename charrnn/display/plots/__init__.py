"""Curves as pictures: a chart is plain data; a terminal, an SVG and a PNG each draw it in their way."""
