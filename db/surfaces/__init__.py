"""What people should see, what they see, and what is announced about it.

The display role and the bots call `visits`, `observed` and `announcements`; other rooms of `db`
change what is wanted only through `wishes`.
"""
