"""Where crews, versions, agents of the library and documents are found that the team's log tells of."""

from agents_app.models import CrewVersion, Document, LibraryAgent
from agents_app.queries import own_crews
from teams.access import visible_to
from teams.log.links import links, of_rows

links(
    {
        "crew": of_rows("crew", own_crews, slug="slug"),
        "version": of_rows("version", lambda who: visible_to(who, CrewVersion), slug="crew__slug", number="number"),
        "agent": of_rows("library_agent", lambda who: visible_to(who, LibraryAgent), pk="pk"),
        "document": of_rows("document", lambda who: visible_to(who, Document), pk="pk"),
    }
)
