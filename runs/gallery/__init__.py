"""Pages and API of templates, with what their runs really cost and took. The rules are in ``agents_app/gallery``."""
