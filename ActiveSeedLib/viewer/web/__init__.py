"""The only folder that deals with trame: server, page, slice views, segment editor, plots."""
