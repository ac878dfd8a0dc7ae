"""What the cells of a network follow, as tables, as plots and as painted text."""
