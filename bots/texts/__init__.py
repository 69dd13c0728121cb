"""Writing for people: languages, markup, amounts, names, and what any command says when it fails.

All rooms of `bots/features` may use these modules. Texts of one feature belong to its room.
"""
