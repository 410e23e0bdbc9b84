"""`chrono ftso decode` in parts: find transactions in a file, explain each as a document, tell it in words."""
