"""The Bot API's methods: their parameters, what they do, and the table of all of them."""
