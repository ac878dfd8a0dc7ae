"""What each command does, as a plain function; `charrnn.cli` is the shell around them."""
