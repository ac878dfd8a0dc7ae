"""What this program is measured with: scripts, each run by `python -m benchmarks.NAME`."""
