"""What an app may use of the cockpit."""
