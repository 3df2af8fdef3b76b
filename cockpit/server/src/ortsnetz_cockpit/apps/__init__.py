"""Apps: one folder each; an app uses the SDK and the shared language only."""
