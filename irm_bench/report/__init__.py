"""The page: its chapters, what they look up, and the data package inside it."""
