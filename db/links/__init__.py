"""Links: which two accounts are one person's, offers to link, undoing it, and the acts on record.

The bots call `codes`; administrators' tools call `links` and `account_moves`. All of them call the
functions of db/migrations/..._links.sql, which programs in other languages call too.
"""
