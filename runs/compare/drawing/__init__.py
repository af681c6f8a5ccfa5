"""Tables and pictures of a comparison as HTML. As templates they took most of the page's time."""
