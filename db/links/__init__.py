"""Links: which two accounts are one person's, and undoing that.

The bots call `codes`; administrators' tools call `links`. `member_rows` and `link_entries` are this
room's own: they move accounts between members, and amounts between accounts.
"""
