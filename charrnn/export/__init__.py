"""Models in files for other programs: a web page, ONNX, a folder for a hub. Needs no torch."""
