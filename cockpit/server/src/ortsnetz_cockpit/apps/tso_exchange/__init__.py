"""TSO exchange: per interface and interval what has been agreed, by REST and MQTT."""
