# Another program sets the limit back every ten seconds: it is raised again three times, and then
# not for an hour.
settings growth: { enabled = true; reserve = "100ms"; };
settings levels: { forecast = 0; };
settings alerts: { remind = 0; };
table count=60000 max=262144 buckets=262144
poll at 0s
poll until 10s count=215000
alerts usage begin level=warning
alerts grew begin old_max=262144 new_max=524288
poll until 30s
alerts usage end
table max=262144
poll at 40s
alerts limit_changed begin old_max=524288 new_max=262144 our_max=524288
alerts usage begin level=warning
alerts grew begin old_max=262144 new_max=524288
poll at 49s
table max=262144
poll at 50s
alerts limit_changed begin our_max=524288
alerts grew begin old_max=262144 new_max=524288
poll at 59s
table max=262144
poll at 60s
alerts limit_changed begin our_max=524288
alerts grew begin old_max=262144 new_max=524288
poll at 69s
table max=262144
poll at 70s
alerts limit_changed begin our_max=524288
alerts growth_refused begin reason=foreign_writer
poll every 1s until 3639s
alerts nothing
# An hour after the first of the three, as the table still needs it
poll at 3641s
alerts grew begin old_max=262144 new_max=524288
poll until 3660s
alerts growth_refused end
alerts usage end
