"""Takes the code out of a Jupyter notebook."""

from __future__ import annotations

import json

from agents_app.formats.report import Place, Report, UnreadableError


def code_of(text: str, report: Report, *, file: str = "") -> str:
    """The code cells, one after the other; line numbers count through them. Raises ``UnreadableError``."""
    try:
        data = json.loads(text)
        cells = [cell for cell in data["cells"] if cell["cell_type"] == "code"]
        sources = [cell["source"] for cell in cells]
        code = "\n\n".join(source if isinstance(source, str) else "".join(map(str, source)) for source in sources)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UnreadableError(
            "This looks like a Jupyter notebook, but it cannot be read.", Place(None, file)
        ) from error
    message = f"The {len(cells)} code cells of a notebook were read; line numbers count through them."
    report.info(Place(None, file), message)
    return code
