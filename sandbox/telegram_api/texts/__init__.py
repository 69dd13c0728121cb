"""The words of messages: text with entities from HTML or Markdown, links, and keyboards."""
