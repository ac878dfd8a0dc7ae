"""What each command does, as a plain function; `charrnn.cli` wraps them."""
