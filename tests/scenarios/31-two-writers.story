# Another program sets the limit back every ten seconds: it is raised again three times, and then
# not for an hour.
settings growth: { enabled = true; reserve = "100ms"; };
settings levels: { forecast = 0; };
settings alerts: { remind = 0; };
table count=60000 max=262144 buckets=262144
look at 0s
look until 10s count=215000
says usage begin level=warning
says grew begin old_max=262144 new_max=524288
look until 30s
says usage end
table max=262144
look at 40s
says limit_changed begin old_max=524288 new_max=262144 our_max=524288
says usage begin level=warning
says grew begin old_max=262144 new_max=524288
look at 49s
table max=262144
look at 50s
says limit_changed begin our_max=524288
says grew begin old_max=262144 new_max=524288
look at 59s
table max=262144
look at 60s
says limit_changed begin our_max=524288
says grew begin old_max=262144 new_max=524288
look at 69s
table max=262144
look at 70s
says limit_changed begin our_max=524288
says growth_refused begin reason=foreign_writer
look every 1s until 3639s
says nothing
# An hour after the first of the three, as the table still needs it
look at 3641s
says grew begin old_max=262144 new_max=524288
look until 3660s
says growth_refused end
says usage end
