"""What the cells of a network follow: found, scored against chance, and proved by taking them away."""
