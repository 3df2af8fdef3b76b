"""Messages between node and cockpit, their topics and their codec; frames between processes."""
