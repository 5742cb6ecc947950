# What would be done, once, and nothing is.
settings growth: { dry_run = true; reserve = "100ms"; };
settings levels: { forecast = 0; };
table count=0 max=65536 buckets=262144
look at 0s
says growth_dry_run begin reason=startup new_buckets=1668096
look until 15s
says growth_dry_run end
look until 60s count=40000
says growth_dry_run begin reason=reserve old_max=65536 new_max=131072
look until 70s count=60000
says usage begin level=warning
says usage begin level=critical
table count=1000
look until 100s
says usage end
says growth_dry_run end
# In earnest
settings growth: { enabled = true; reserve = "100ms"; };
settings levels: { forecast = 0; };
look at 101s
says grew begin reason=startup new_buckets=1668096
