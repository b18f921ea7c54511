"""What both services need: settings, logs, problem documents, the server, tokens, MongoDB."""
