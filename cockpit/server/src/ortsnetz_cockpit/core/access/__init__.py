"""Access: users, passwords, sessions, roles, throttling of log-in attempts."""
